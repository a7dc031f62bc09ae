"""What methods promise, each in its own measure: one file per way of measuring it."""
