"""What is known of the facts of a pool."""
