"""Selections as people keep them: what they are called, what builds on them, how they are taken along and deleted."""
