"""Finding samples: by words, by what is like one of them, by what a text says of a picture."""
