"""What every page is made of: state keys, cached reads, forms, running work, looks."""
