"""What simulated years cost: what has to be bought for them, at which rates."""
