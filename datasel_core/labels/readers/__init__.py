"""What labelling tools write, read as what one person said of one sample."""
