"""Small language models trained in order to measure: text to tokens, training with a trail of checkpoints, and what
each checkpoint says of each sample.
"""
