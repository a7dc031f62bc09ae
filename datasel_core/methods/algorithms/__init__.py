"""The exact and fast parts of methods."""
