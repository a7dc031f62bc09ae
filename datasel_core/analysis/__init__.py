"""Arrays in, numbers out: metrics, coverage, explanations, maps."""
