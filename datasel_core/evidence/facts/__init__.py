"""What is known of the facts of a pool: counted, measured with small models, and kept in the workspace."""
