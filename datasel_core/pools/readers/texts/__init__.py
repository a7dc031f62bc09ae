"""Texts: which files, which rows, which shapes."""
