"""Labels that come back: what people said of samples, kept as it came, and what follows from it."""
