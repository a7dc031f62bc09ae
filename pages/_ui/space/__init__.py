"""What a workspace holds: selections, unfinished work, and room on the disk."""
