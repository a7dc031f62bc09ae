"""A project of rounds: plan, choose, label, come back, until another round is not worth its money."""
