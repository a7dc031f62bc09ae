"""A language model that is trained in stages, each on what the one before it says would help most."""
