"""No harm: whatever dies, meets or comes in, nothing that was there is damaged, and no answer changes."""
