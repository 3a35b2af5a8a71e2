"""Build the manual: the pages of the repository in one order, next to a generated reference.

`python -m smmbench_manual` writes a static site. Nothing of this is in the wheel.
"""
