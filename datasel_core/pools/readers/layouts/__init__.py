"""Layouts in which people keep pictures with their captions or labels, known by the path alone: one file each."""
