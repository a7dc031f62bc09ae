"""What can be computed of every sample, a file for each family."""
