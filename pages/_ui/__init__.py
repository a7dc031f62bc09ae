"""Widgets that pages share: state keys, cached reads, photos, running work, forms, and how it all looks."""
