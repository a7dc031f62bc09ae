"""Parts of the page Influence."""
