"""Parts of the page Image-text."""
