"""Maps, histograms, curves, clusters."""
