"""Where a number comes from: the chain from a mean back to the files on disk."""
