"""Fields on a grid: what is known of their cells."""
