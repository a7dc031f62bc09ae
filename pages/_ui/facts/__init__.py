"""Parts of the page Facts."""
