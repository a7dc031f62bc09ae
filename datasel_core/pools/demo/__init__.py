"""Built-in demo pools, made on the spot from a seed: nothing is downloaded."""
