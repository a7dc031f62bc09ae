"""Parts of the page Targets."""
