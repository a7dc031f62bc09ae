"""How far an emulator of climate can be relied on: what its reliability card says, and how it is drawn."""
