"""Losses of pairs against other pairs of a batch: the exact and fast parts."""
