"""Climate emulators: what they are worth, where they may be used, and which simulation to buy next."""
