"""Parts of the page Labels: what came back, who labelled, what wants a second look."""
