"""One file per thing a person can ask; command line, worker, Python and pages meet here."""
