"""Filters: an SQL condition is read, made safe, and asked once."""
