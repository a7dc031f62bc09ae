"""Scores of emulated fields beside baselines and noise, and the verdict that follows from them."""
