"""Opening pictures."""
