"""Upper confidence bound of a share that was counted on few pairs."""

from __future__ import annotations

from scipy.stats import beta


def upper_bound(marked: int, pairs: int, level: float = 0.95) -> float:
    """Return the one-sided upper bound of a share (Clopper and Pearson, Biometrika 1934).

    The bound assumes independent pairs. Pairs of one clip are not, so it is slightly too low.

    Args:
        marked: Number of marked pairs.
        pairs: Number of pairs.
        level: Probability that the true share is below the bound.

    Raises:
        ValueError: There is no pair, or `marked` exceeds `pairs`.
    """
    if not 0 <= marked <= pairs or pairs < 1:
        raise ValueError(f"A share needs 0 <= marked <= pairs and a pair, got {marked}/{pairs}.")
    return 1.0 if marked == pairs else float(beta.ppf(level, marked + 1, pairs - marked))
