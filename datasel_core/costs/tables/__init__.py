"""Tables of what labels take and cost."""
