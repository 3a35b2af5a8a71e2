"""Write the agreement of metrics with people or known motion, in sentences or as a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from smmbench.display import plain
from smmbench_leaderboard.formats.table import number
from smmbench_leaderboard.validation.types import Validation

COMPARED = {
    "choices": "choices of people",
    "ratings": "pairs of videos that people rated differently",
    "triplets": "triplets",
    "known motion": "pairs of videos of which one moves more like the source",
}


def validation_text(found: Validation) -> str:
    """Write the agreement, what was left out and the check of controls, one sentence per line."""
    return "\n".join(plain(line, longest=400) for line in _sentences(found)) + "\n"


def _sentences(found: Validation) -> Iterator[str]:
    yield (
        f"{found.metric} prefers the better video in {_with(found.agreement, found.interval)} of "
        f"{found.choices} {COMPARED[found.kind]} over {found.clips} clips; chance is 0.5."
    )
    yield (
        "Its interval lies above chance."
        if found.beats_chance
        else "It is not significantly better than chance."
    )
    for one in found.strata if len(found.strata) > 1 else ():
        yield f"{one.kind}: {_with(one.agreement, one.interval)} of {one.choices}."
    if found.auc is not None:
        yield (
            f"Area under the curve, the same motion against another, whatever the source: "
            f"{_with(found.auc, found.auc_interval)}."
        )
    if found.correlation is not None:
        yield (
            f"Rank correlation with ratings over all videos: "
            f"{_with(found.correlation, found.correlation_interval)}."
        )
    ties = f"{found.ties} ties, and " if found.kind in ("choices", "ratings") else ""
    yield f"Excluded: {ties}{found.unscored} judgements of videos without a score."
    yield from _gate(found)
    yield from found.notes


def _gate(found: Validation) -> Iterator[str]:
    for control in found.controls:
        near = "comes close to" if control.near else "stays below"
        said = " (allowed)" if control.allowed and control.near else ""
        yield (
            f"Control {control.label}, mean {number(control.mean)}, {near} the best, "
            f"{found.best}{said}."
        )
    if found.dropped:
        yield "Rejected: under this metric, a control comes close to the best."
    elif not found.controls:
        yield "These results contain no control, so the check of controls was not done."


def validation_table(found: Sequence[Validation]) -> str:
    """Write one row per metric, one column per kind of choice, and the check of controls."""
    kinds = list(dict.fromkeys(stratum.kind for one in found for stratum in one.strata))
    kinds = kinds if len(kinds) > 1 else []
    head = ["metric", "agreement", "AUC", "rank correlation", *kinds, "no score", "controls"]
    shown = [any(one.auc is not None for one in found)]
    shown += [any(one.correlation is not None for one in found)]
    keep = [True, True, *shown, *([True] * (len(kinds) + 2))]
    rows = [_row(one, kinds) for one in found]
    lines = [head, ["---", *["--:"] * (len(head) - 2), "---"], *rows]
    notes = dict.fromkeys(note for one in found for note in one.notes)
    table = "\n".join(
        "| " + " | ".join(cell for cell, kept in zip(line, keep, strict=True) if kept) + " |"
        for line in lines
    )
    return table + "\n\n" + "\n".join(plain(note, longest=400) for note in notes) + "\n"


def _row(found: Validation, kinds: Sequence[str]) -> list[str]:
    of = {stratum.kind: stratum for stratum in found.strata}
    near = [one.label for one in found.controls if one.near and not one.allowed]
    gate = f"rejected: {', '.join(near)}" if near else "passed" if found.controls else "-"
    gate = gate if found.agreement is not None else "no number"
    known = found.choices + found.unscored
    return [
        f"`{found.metric}`",
        _with(found.agreement, found.interval),
        _with(found.auc, found.auc_interval),
        _with(found.correlation, found.correlation_interval),
        *(number(of[kind].agreement) if kind in of else "-" for kind in kinds),
        f"{found.unscored} of {known}",
        gate,
    ]


def _with(value: float | None, interval: tuple[float, float] | None) -> str:
    if value is None:
        return "-"
    low, high = (number(end) for end in interval or (None, None))
    return f"{number(value)} [{low}, {high}]"
