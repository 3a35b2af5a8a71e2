"""The laboratory: how methods behave in a world with complete ground truth."""
