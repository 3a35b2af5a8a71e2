"""Number of judgements that a study needs, planned before the first is made.

Normal approximation of the binomial test of one share against a half (Fleiss, Levin and Paik,
Statistical Methods for Rates and Proportions, 2003, section 2.4). Judgements by one rater, and of
one clip, are not independent: their number is multiplied by a design effect 1 + (m - 1) rho (Kish,
Survey Sampling, 1965, section 5.4).
"""

from __future__ import annotations

import math

from scipy.special import ndtri

ALPHA = 0.05
POWER = 0.8


def judgements_needed(
    share: float, comparisons: int = 1, alpha: float = ALPHA, power: float = POWER
) -> int:
    """Return how many independent judgements without ties distinguish a share from one half.

    Args:
        share: Share of wins to detect, above .5 and below 1.
        comparisons: Number of tested pairs of methods, by which the level is divided (Bonferroni).
        alpha: Two-sided level of all tests together.
        power: Probability of detecting the share.

    Raises:
        ValueError: A number is out of range.
    """
    if not 0.5 < share < 1:
        raise ValueError(f"The share of wins to find lies above .5 and below 1, got {share:g}.")
    if comparisons < 1 or not 0 < alpha < 1 or not 0 < power < 1:
        raise ValueError("There is at least one comparison, and level and power lie in (0, 1).")
    level, found = -ndtri(alpha / comparisons / 2), ndtri(power)
    root = level / 2 + found * math.sqrt(share * (1 - share))
    return math.ceil((root / (share - 0.5)) ** 2)


def design_effect(cluster: float, correlation: float) -> float:
    """Return the factor by which clustering reduces the effective number of judgements.

    Args:
        cluster: Mean number of judgements in a cluster.
        correlation: Correlation of two judgements in a cluster, 0 to 1.
    """
    return 1 + max(0.0, cluster - 1) * correlation
