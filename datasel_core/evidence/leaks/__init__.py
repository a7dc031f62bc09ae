"""Leaks: samples of one pool that stand in another, the same or nearly the same."""
