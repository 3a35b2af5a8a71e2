"""Krippendorff's alpha of nominal data: agreement of raters beyond chance.

Krippendorff, Content Analysis, 2013, section 12.3; computed from the coincidence matrix, with any
number of raters and missing answers. It is implemented here because the maintained package
is under the GPL, and this project is not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence


def krippendorff_alpha(units: Iterable[Sequence[Hashable]]) -> float | None:
    """Compute agreement within units: 1 is perfect, 0 is chance, below 0 is worse than chance.

    Args:
        units: For each unit, the values that raters gave; units with fewer than two are ignored.

    Returns:
        Alpha; None if no unit has two values, or if all values are equal.
    """
    pairable = [unit for unit in units if len(unit) > 1]
    totals = Counter(value for unit in pairable for value in unit)
    n = totals.total()
    expected = n * n - sum(count * count for count in totals.values())
    if not expected:
        return None
    disagreeing = 0.0
    for unit in pairable:
        counts = Counter(unit)
        pairs = len(unit) ** 2 - sum(count * count for count in counts.values())
        disagreeing += pairs / (len(unit) - 1)
    return 1 - (n - 1) * disagreeing / expected
