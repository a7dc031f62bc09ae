"""Where data are found: browsing, dropping, the sub-folders of a folder."""
