"""Parts of the page Trajectories."""
