"""Shared code of methods that are tuned on one clip: the tunable shell, the loop, the cache."""
