"""Emulators of climate models: fitted to fields of years that were simulated, asked for years that were not."""
