"""A selection made of several methods' shares under quotas."""
