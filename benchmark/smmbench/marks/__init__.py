"""Marks: whether an output's motion score may be taken at its word."""

from smmbench.marks.glance import Glance
from smmbench.marks.rules import MARKED_SHARE, RULES, Rule, is_near_copy

__all__ = ["MARKED_SHARE", "RULES", "Glance", "Rule", "is_near_copy"]
