"""Compare metrics with people and against known motion, by one interface for all kinds of data."""

from smmbench_leaderboard.validation.graded import validate_graded
from smmbench_leaderboard.validation.harness import Wanted, validate
from smmbench_leaderboard.validation.people import validate_people
from smmbench_leaderboard.validation.types import Control, Stratum, Validation

__all__ = [
    "Control",
    "Stratum",
    "Validation",
    "Wanted",
    "validate",
    "validate_graded",
    "validate_people",
]
