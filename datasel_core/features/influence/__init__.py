"""Influence: what one step on a sample does to the loss on a reference; checkpoints, steps, probes."""
