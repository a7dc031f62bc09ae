"""What everything stands on: declarations, progress, arrays of uneven length. Knows no file."""
