"""Parts of the page Climate."""
