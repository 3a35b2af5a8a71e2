"""The board of record: every method and control of both embedded worlds, made in one run."""
