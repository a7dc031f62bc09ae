"""The table of evidence: methods x budgets, each against random of the same seed and size."""
