"""How sure a share is that was counted on few pairs."""

from __future__ import annotations

from scipy.stats import beta


def upper_bound(marked: int, pairs: int, level: float = 0.95) -> float:
    """One-sided upper bound of a share (Clopper and Pearson, Biometrika 1934).

    It takes pairs for independent; those of one clip are not, so it is a little too low.

    Args:
        marked: How many were marked.
        pairs: Of how many.
        level: Chance that the true share lies below the bound.

    Raises:
        ValueError: There is no pair, or more are marked than there are.
    """
    if not 0 <= marked <= pairs or pairs < 1:
        raise ValueError(f"A share needs 0 <= marked <= pairs and a pair, got {marked}/{pairs}.")
    return 1.0 if marked == pairs else float(beta.ppf(level, marked + 1, pairs - marked))
