"""What labels cost: rates, plans with intervals, pilots."""
