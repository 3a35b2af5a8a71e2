"""Videos whose likeness to a source is known: what a metric is held against.

Three kinds share one form, `Graded`: triplets of which one video has the source's motion
(`simmotion`), edited videos that people rated (`tdve_db`), and rendered videos whose true motion
is known, which a distribution offers by the entry point `smmbench.graded`. `numbers_of` scores
them by the code that scores results.
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
