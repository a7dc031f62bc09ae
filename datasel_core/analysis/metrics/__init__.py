"""Cheap numbers about a selection."""
