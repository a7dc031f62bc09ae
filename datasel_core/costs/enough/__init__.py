"""How many samples are enough: without labels, with labels of a part, and of a class."""
