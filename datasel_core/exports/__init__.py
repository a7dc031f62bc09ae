"""Adapters to the formats of other tools."""
