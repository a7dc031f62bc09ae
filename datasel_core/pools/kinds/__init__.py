"""The kinds of source, a file each."""
