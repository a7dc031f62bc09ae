"""What a selection is worth: one file per appraisal."""
