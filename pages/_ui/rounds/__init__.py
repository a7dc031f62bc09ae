"""Parts of the page Rounds."""
