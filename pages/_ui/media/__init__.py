"""Samples on the screen: photos, pairs, texts."""
