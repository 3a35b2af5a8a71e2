"""Thresholds of the marks, what constructions reach under them, and false marks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from smmbench.marks.rules import RULES, Rule
from smmbench_research.emoji.gaming.bounds import upper_bound

CLAIM = 0.5
"""Motion fidelity above which a mark matters for a construction: about the chance level."""
ALLOWED = 0.005
"""Share of real outputs that each rule may mark when its threshold is chosen."""


def measured(rows: pd.DataFrame) -> list[Rule]:
    """Return the rules whose values the rows have; older rows lack newer rules."""
    return [rule for rule in RULES if rule.name in rows and rows[rule.name].notna().all()]


def marked(rows: pd.DataFrame, thresholds: dict[str, float] | None = None) -> pd.Series:
    """Return which rows any rule marks, with its own threshold or another one."""
    verdict = pd.Series(False, index=rows.index)
    for rule in measured(rows):
        limit = (thresholds or {}).get(rule.name, rule.threshold)
        value = rows[rule.name]
        verdict |= value > limit if rule.side == "above" else value < limit
    return verdict


def threshold(rule: Rule, real: pd.DataFrame, attacks: pd.DataFrame) -> float:
    """Choose the threshold that marks the most constructions while it marks few real outputs.

    Of all thresholds that mark equally many, the one in the middle of the gap is chosen.

    Args:
        rule: The rule, of which the side is used and the threshold is not.
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
    """Choose thresholds without each family in turn; return how much of it they mark."""
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
    """Return which real outputs are marked by thresholds that were chosen without their clip.

    The thresholds in use were chosen on the same outputs on which false marks are counted; this
    measures how optimistic that is.
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
    """Tabulate what each construction would score on the board, without and with marks."""
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
    """Count marked outputs of real methods, with the upper bound for that number of pairs.

    Args:
        real: Rows of real outputs.
        by: Column by which rows are grouped.
        verdict: Which rows are marked; None applies the current rules.
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
    """Find, for each rule and kind of edit, the real output that is nearest to being marked.

    Marked outputs are included, so a value beyond the threshold is an error of the rule.
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
