"""Candidates: how each kind of source becomes ids, columns and openable samples."""
