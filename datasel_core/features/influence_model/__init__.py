"""Learning from probed samples what a training step on any sample would do to the loss on a reference."""
