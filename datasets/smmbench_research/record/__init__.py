"""The board of record: every method and control of both embedded worlds, from one run."""
