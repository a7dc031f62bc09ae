"""What labels cost, and how many are enough."""
