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


def measured(rows: pd.DataFrame) -> list[Rule]:
    """The rules that rows have values of: older rows lack the newer rules."""
    return [rule for rule in RULES if rule.name in rows and rows[rule.name].notna().all()]


def marked(rows: pd.DataFrame, thresholds: dict[str, float] | None = None) -> pd.Series:
    """Which rows some rule marks, with its own threshold or another."""
    verdict = pd.Series(False, index=rows.index)
    for rule in measured(rows):
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
        limits = _thresholds(real, claims[~inside])
        own = claims[inside]
        yield {
            "family": family,
            **{name: round(value, 3) for name, value in limits.items()},
            "outputs": len(own),
            "marked": float(marked(own, limits).mean()),
            "marked by the rules as they are": float(marked(own).mean()),
        }


def clips_left_out(real: pd.DataFrame, attacks: pd.DataFrame) -> pd.Series:
    """Which real outputs are marked by thresholds that were set without their clip.

    Thresholds in use were set on the outputs on which their false marks are counted; this says how
    much that flatters them.
    """
    claims = attacks[attacks["motion"] >= CLAIM]
    verdict = pd.Series(False, index=real.index)
    for clip in real["clip"].unique():
        inside = real["clip"] == clip
        limits = _thresholds(real[~inside], claims[claims["clip"] != clip])
        verdict[inside] = marked(real[inside], limits)
    return verdict


def _thresholds(real: pd.DataFrame, attacks: pd.DataFrame) -> dict[str, float]:
    rules = [rule for rule in measured(real) if rule in measured(attacks)]
    return {rule.name: threshold(rule, real, attacks) for rule in rules}


def by_dose(attacks: pd.DataFrame) -> pd.DataFrame:
    """Each construction: what the board would give it, what the marks leave it."""
    table = attacks.assign(
        marked=marked(attacks),
        left=attacks["motion"].where(~marked(attacks), -1.0),
        **{f"by {rule.name}": _by(rule, attacks) for rule in measured(attacks)},
    )
    names = [rule.name for rule in measured(attacks)]
    texts = ["text"] if "text" in attacks else []
    figures = [*texts, "motion", *names, "marked", "left", *(f"by {name}" for name in names)]
    means = table.groupby(["family", "label"], sort=False)[figures].mean()
    return means.assign(outputs=table.groupby(["family", "label"], sort=False).size())


def false_marks(
    real: pd.DataFrame, by: Sequence[str], verdict: pd.Series | None = None
) -> pd.DataFrame:
    """Marked outputs of real methods, with the bound that so many pairs allow.

    Args:
        real: Rows of real outputs.
        by: What they are counted by.
        verdict: Which of them are marked; None: by the rules as they are.
    """
    hits = marked(real) if verdict is None else verdict
    groups = real.assign(marked=hits).groupby(list(by), sort=False)["marked"]
    table = pd.DataFrame({"pairs": groups.size(), "marked": groups.sum().astype(int)})
    table["at most"] = [
        upper_bound(int(hits), int(pairs))
        for hits, pairs in zip(table["marked"], table["pairs"], strict=True)
    ]
    return table


def nearest(real: pd.DataFrame) -> pd.DataFrame:
    """For each rule and kind of edit, the real output that comes nearest to being marked.

    Marked ones count too, so that a value beyond the threshold is an error of the rule.
    """
    rows = []
    for rule in measured(real):
        for kind, some in real.groupby("kind", sort=False):
            values = some[rule.name].to_numpy()
            found = some.iloc[int(values.argmax() if rule.side == "above" else values.argmin())]
            pair = f"{found['clip']}/{found['edit']}"
            rows.append(
                {"rule": rule.name, "kind": kind, "value": float(found[rule.name])}
                | {"row": found["label"], "pair": pair}
            )
    return pd.DataFrame(rows)


def _by(rule: Rule, rows: pd.DataFrame) -> pd.Series:
    value = rows[rule.name]
    return value > rule.threshold if rule.side == "above" else value < rule.threshold
