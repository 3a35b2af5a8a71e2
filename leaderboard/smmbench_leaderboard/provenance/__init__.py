"""Origin of a number: the chain from a mean back to the files on disk."""
