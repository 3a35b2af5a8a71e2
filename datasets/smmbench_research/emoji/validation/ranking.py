"""Rank correlation and area under the curve for a known order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.stats import rankdata


def rank_correlation(damage: Sequence[float], values: Sequence[float]) -> float:
    """Return Spearman's correlation of damage with low values; ties share their mean rank.

    Returns:
        -1 to 1; 1 if every greater damage has a lower value, 0 if all values are equal.
    """
    a, b = rankdata(damage), rankdata(-np.asarray(values, dtype=float))
    a, b = a - a.mean(), b - b.mean()
    spread = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / spread if spread else 0.0


def area_under_curve(same: Sequence[float], other: Sequence[float]) -> float:
    """Return the probability that a value of `same` exceeds one of `other`; ties count half."""
    a, b = np.asarray(same, dtype=float)[:, None], np.asarray(other, dtype=float)[None]
    return float(((a > b) + 0.5 * (a == b)).mean())
