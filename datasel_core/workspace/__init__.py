"""The only folder that knows paths: where things lie, files written all at once, hashes, locks."""
