"""What probes of facts count, as arrays become numbers."""
