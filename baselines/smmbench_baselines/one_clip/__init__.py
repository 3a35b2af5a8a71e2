"""What the methods share that are tuned on one clip: a shell to tune, the loop, the cache."""
