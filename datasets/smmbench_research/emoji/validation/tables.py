"""Tables of the experiment as Markdown."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from smmbench_research.emoji.validation.errors import errors
from smmbench_research.emoji.validation.material import KNOWN, TREMBLING, Case
from smmbench_research.emoji.validation.variants import LADDERS, VARIANTS, Found, Variant, evaluate

# Column = name of the output, as `corruptions.outputs` has it, or `self` and `other`.
SHOWN = ("self", "kept", "other", "reversed", "object lost", "frozen", "frozen, noise 4")


def variants_table(cases: Sequence[Case], tracker: str) -> Iterator[str]:
    """Tabulate each convention with one tracker, and its score of a frozen clip with jitter.

    The last column uses true tracks with noise, whatever the tracker.
    """
    yield _line("convention", "order", *LADDERS, "same or other", *SHOWN, "frozen, trembling")
    yield _rule(len(LADDERS) + len(SHOWN) + 3)
    for variant in VARIANTS:
        found = evaluate(cases, tracker, variant)
        trembling = evaluate(cases, TREMBLING, variant).values["frozen"]
        yield _line(variant.name, *_cells(found), _number(trembling))


def trackers_table(cases: Sequence[Case], trackers: Sequence[str]) -> Iterator[str]:
    """Tabulate the headline number with each tracker."""
    yield _line("tracker", "order", *LADDERS, "same or other", *SHOWN)
    yield _rule(len(LADDERS) + len(SHOWN) + 2)
    for tracker in trackers:
        yield _line(tracker, *_cells(evaluate(cases, tracker, VARIANTS[0])))


def grids_table(cases: dict[int, Sequence[Case]], tracker: str) -> Iterator[str]:
    """Tabulate the headline number with one tracker from each grid."""
    yield _line("grid", "order", *LADDERS, "same or other", *SHOWN)
    yield _rule(len(LADDERS) + len(SHOWN) + 2)
    for grid, some in sorted(cases.items()):
        yield _line(f"{grid}x{grid}", *_cells(evaluate(some, tracker, VARIANTS[0])))


def outputs_table(cases: Sequence[Case], trackers: Sequence[str]) -> Iterator[str]:
    """Tabulate the mean headline number of every output, by tracker."""
    found = [evaluate(cases, tracker, Variant("headline")) for tracker in trackers]
    yield _line("output", *trackers)
    yield _rule(len(trackers))
    for name in found[0].values:
        yield _line(name, *(_number(each.values[name]) for each in found))


def errors_table(cases: Sequence[Case], trackers: Sequence[str]) -> Iterator[str]:
    """Tabulate each tracker's errors, by family of motion and over all."""
    names = ("object, px", "background, px", "lost", "unsure", "missed", "invented")
    real = [tracker for tracker in trackers if tracker not in (KNOWN, TREMBLING)]
    yield _line("family", "tracker", *names)
    yield _rule(len(names) + 1)
    families = list(dict.fromkeys(case.family for case in cases))
    for family in (*families, ""):
        some = [case for case in cases if family in ("", case.family)]
        for tracker in real:
            found = errors(some, tracker)
            pixels = f"{found.on_object:.1f}", f"{found.on_background:.1f}"
            shares = (found.lost, found.unsure, found.missed, found.invented)
            yield _line(family or "**all**", tracker, *pixels, *map(_number, shares))


def _cells(found: Found) -> Iterator[str]:
    yield _number(found.order)
    yield from (_number(found.ladders[name]) for name in LADDERS)
    yield _number(found.area)
    yield from (_number(found.values.get(name, math.nan)) for name in SHOWN)


def _number(value: float) -> str:
    """Format three digits without the leading zero, as on the other pages."""
    if math.isnan(value):
        return "-"
    text = f"{value:.3f}"
    return "0" if float(text) == 0 else text.replace("0.", ".", 1) if abs(value) < 1 else text


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _rule(numbers: int) -> str:
    return "|---" + "|--:" * numbers + "|"
