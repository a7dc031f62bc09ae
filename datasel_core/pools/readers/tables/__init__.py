"""Tables people bring, row by row: which files, which formats, which values, which columns are meant."""
