"""Arrays in, numbers out: emulators of climate models, and what can be said of them."""
