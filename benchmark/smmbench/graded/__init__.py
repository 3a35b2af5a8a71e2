"""Videos with a known similarity to a source, with which metrics are validated.

Three kinds share the type `Graded`: triplets of which one video has the source's motion
(`simmotion`), edited videos that people rated (`tdve_db`), and rendered videos with known motion,
which a distribution provides by the entry point `smmbench.graded`. `numbers_of` scores them with
the same code as results.
"""

from smmbench.graded.finding import find_graded
from smmbench.graded.numbers import numbers_of
from smmbench.graded.types import Dimension, Graded, GradedSource, GradedVideo, Order

__all__ = [
    "Dimension",
    "Graded",
    "GradedSource",
    "GradedVideo",
    "Order",
    "find_graded",
    "numbers_of",
]
