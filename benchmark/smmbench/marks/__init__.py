"""Marks: whether the motion score of an output can be trusted."""

from smmbench.marks.glance import Glance
from smmbench.marks.rules import MARKED_SHARE, RULES, Rule, is_near_copy

__all__ = ["MARKED_SHARE", "RULES", "Glance", "Rule", "is_near_copy"]
