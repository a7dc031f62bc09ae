"""Tar shards and DataComp metadata."""
