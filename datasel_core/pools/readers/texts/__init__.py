"""Texts: which rows, which shapes."""
