"""The calibration as Markdown."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from smmbench_research.emoji.gaming.calibration import (
    CLAIM,
    by_dose,
    clips_left_out,
    false_marks,
    left_out,
    marked,
    measured,
    nearest,
)

SDEDIT = "sdedit"
"""Prefix of the labels of SDEdit, each of which has its own strength."""


def page(rows: pd.DataFrame) -> Iterator[str]:
    """Return all tables for rows of real outputs, constructions and adaptive attacks."""
    real = rows[rows["family"] == "real"]
    searched = rows[rows["family"] == "adaptive"]
    attacks = rows[~rows["family"].isin(["real", "control", "adaptive"])]
    yield "## Constructions\n"
    yield from _markdown(by_dose(attacks).reset_index())
    yield f"\n## Each family left out (outputs with motion of {CLAIM} or more)\n"
    yield from _markdown(pd.DataFrame(left_out(real, attacks)))
    yield "\n## Real outputs that are marked by thresholds set without their clip\n"
    held_out = clips_left_out(real, attacks)
    yield from _markdown(false_marks(real, ["kind"], held_out).reset_index())
    yield ""
    everything = real.assign(all="all")
    yield from _markdown(false_marks(everything, ["all"], held_out).reset_index())
    yield "\n## Real outputs that are marked\n"
    sdedit = real["label"].str.startswith(SDEDIT)
    edits = real.assign(method=sdedit.map({True: "SDEdit", False: "others"}))
    for some, by in (
        (edits, ["method", "kind"]),
        (real[sdedit], ["label", "kind"]),
        (real, ["kind"]),
        (real, ["label"]),
        (everything, ["all"]),
    ):
        yield from _markdown(false_marks(some, by).reset_index())
        yield ""
    yield "\n## Nearest to the thresholds\n"
    yield from _markdown(nearest(real))
    yield ""
    wrong = real[marked(real)]
    names = [rule.name for rule in measured(rows)]
    yield from _markdown(wrong[["label", "clip", "edit", "kind", "motion", *names]])
    if len(searched):
        yield "\n## Adaptive attacks\n"
        columns = ["text", "motion", *(rule.name for rule in measured(searched)), "unmarked"]
        means = searched.groupby("label", sort=False)[columns].mean()
        yield from _markdown(means.assign(clips=searched.groupby("label").size()).reset_index())


def _markdown(table: pd.DataFrame) -> Iterator[str]:
    yield "| " + " | ".join(map(str, table.columns)) + " |"
    yield "|" + "---|" * len(table.columns)
    for row in table.itertuples(index=False):
        yield "| " + " | ".join(_text(value) for value in row) + " |"


def _text(value: object) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)
