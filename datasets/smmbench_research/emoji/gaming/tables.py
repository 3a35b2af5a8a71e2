"""The calibration as Markdown."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from smmbench.marks import RULES
from smmbench_research.emoji.gaming.calibration import (
    CLAIM,
    by_dose,
    false_marks,
    left_out,
    marked,
)


def page(rows: pd.DataFrame) -> Iterator[str]:
    """All tables, from rows of real outputs, constructions and searched attacks."""
    real = rows[rows["family"] == "real"]
    searched = rows[rows["family"] == "adaptive"]
    attacks = rows[~rows["family"].isin(["real", "control", "adaptive"])]
    yield "## Constructions\n"
    yield from _markdown(by_dose(attacks).reset_index())
    yield f"\n## Each family left out (outputs with motion of {CLAIM} or more)\n"
    yield from _markdown(pd.DataFrame(left_out(real, attacks)))
    yield "\n## Real outputs that are marked\n"
    for by in (["kind"], ["label"]):
        yield from _markdown(false_marks(real, by).reset_index())
        yield ""
    yield from _markdown(false_marks(real.assign(all="all"), ["all"]).reset_index())
    yield ""
    wrong = real[marked(real)]
    yield from _markdown(wrong[["label", "clip", "edit", "kind", "motion", *_names()]])
    if len(searched):
        yield "\n## Adaptive attacks\n"
        columns = ["text", "motion", *_names(), "unmarked"]
        yield from _markdown(searched.groupby("label")[columns].mean().reset_index())


def _names() -> list[str]:
    return [rule.name for rule in RULES]


def _markdown(table: pd.DataFrame) -> Iterator[str]:
    yield "| " + " | ".join(map(str, table.columns)) + " |"
    yield "|" + "---|" * len(table.columns)
    for row in table.itertuples(index=False):
        yield "| " + " | ".join(_text(value) for value in row) + " |"


def _text(value: object) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)
