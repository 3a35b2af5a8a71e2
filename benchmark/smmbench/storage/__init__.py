"""Files on disk: atomic writes, the toolkit's home folder, and caches of arrays and tensors."""
