"""Simulations of climate: which files, which run, which years, which grid, which units."""
