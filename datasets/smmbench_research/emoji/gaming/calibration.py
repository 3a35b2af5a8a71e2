"""Thresholds, what each family of constructions reaches under them, and false marks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from smmbench.marks.rules import RULES, Rule
from smmbench_research.emoji.gaming.bounds import upper_bound

CLAIM = 0.5
"""Motion fidelity from which a construction has something to lose: about what chance gives."""
ALLOWED = 0.005
"""Share of real outputs that each rule may mark when its threshold is set."""


def marked(rows: pd.DataFrame, thresholds: dict[str, float] | None = None) -> pd.Series:
    """Which rows some rule marks, with its own threshold or another."""
    verdict = pd.Series(False, index=rows.index)
    for rule in RULES:
        limit = (thresholds or {}).get(rule.name, rule.threshold)
        value = rows[rule.name]
        verdict |= value > limit if rule.side == "above" else value < limit
    return verdict


def threshold(rule: Rule, real: pd.DataFrame, attacks: pd.DataFrame) -> float:
    """The threshold that marks most constructions while it marks few real outputs.

    Of all that mark as many, the one in the middle of the gap is taken.

    Args:
        rule: Its side counts, its threshold does not.
        real: Rows of real outputs; at most `ALLOWED` of them may be marked.
        attacks: Rows of constructions.
    """
    sign = -1.0 if rule.side == "below" else 1.0
    of_real = np.sort(sign * real[rule.name].to_numpy())[::-1]
    last = of_real[int(ALLOWED * len(of_real))]  # the highest that must stay unmarked
    caught = (sign * attacks[rule.name])[sign * attacks[rule.name] > last]
    nearest = caught.min() if len(caught) else last
    return float(sign * (last + nearest) / 2)


def left_out(real: pd.DataFrame, attacks: pd.DataFrame) -> Iterator[dict[str, object]]:
    """Thresholds set without one family in turn, and how much of that family they mark."""
    claims = attacks[attacks["motion"] >= CLAIM]
    for family in claims["family"].unique():
        inside = claims["family"] == family
        limits = {rule.name: threshold(rule, real, claims[~inside]) for rule in RULES}
        own = claims[inside]
        yield {
            "family": family,
            **{name: round(value, 3) for name, value in limits.items()},
            "outputs": len(own),
            "marked": float(marked(own, limits).mean()),
            "marked by the rules as they are": float(marked(own).mean()),
        }


def by_dose(attacks: pd.DataFrame) -> pd.DataFrame:
    """Each construction: what the board would give it, what the marks leave it."""
    table = attacks.assign(
        marked=marked(attacks),
        left=attacks["motion"].where(~marked(attacks), -1.0),
        **{f"by {rule.name}": _by(rule, attacks) for rule in RULES},
    )
    figures = ["motion", *(rule.name for rule in RULES), "marked", "left"]
    figures += [f"by {rule.name}" for rule in RULES]
    means = table.groupby(["family", "label"], sort=False)[figures].mean()
    return means.assign(outputs=table.groupby(["family", "label"], sort=False).size())


def false_marks(real: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Marked outputs of real methods, with the bound that so many pairs allow."""
    groups = real.assign(marked=marked(real)).groupby(list(by), sort=False)["marked"]
    table = pd.DataFrame({"pairs": groups.size(), "marked": groups.sum().astype(int)})
    table["at most"] = [
        upper_bound(int(hits), int(pairs))
        for hits, pairs in zip(table["marked"], table["pairs"], strict=True)
    ]
    return table


def _by(rule: Rule, rows: pd.DataFrame) -> pd.Series:
    value = rows[rule.name]
    return value > rule.threshold if rule.side == "above" else value < rule.threshold
