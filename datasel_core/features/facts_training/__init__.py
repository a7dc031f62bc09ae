"""Small language models that learn facts: training, asking, and how many bits they store."""
