"""Would another tracker order the rows of the record otherwise? From the scores of every video.

    python -m smmbench_research.record.second_tracker datasets/docs/record-emoji-held-out.jsonl.gz

`smmbench tracker-agreement` makes this comparison from a folder of results; this command needs only
the file of held-out evaluators that the record publishes, and prints Markdown. A row is a control
if the card of its method, which the plan of the record names, says so.

Exit codes: 0 compared, 2 incorrect usage or a file that cannot be compared.
"""

from __future__ import annotations

import argparse
import math
import zlib
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import combinations
from pathlib import Path

import numpy as np
from jaxtyping import Float
from pydantic import BaseModel, FiniteFloat, ValidationError

from smmbench.display import print_line
from smmbench.plugins import no_such
from smmbench.rank_intervals import rank_intervals
from smmbench.resolving import find_method
from smmbench_leaderboard.board import rank_correlation as correlation
from smmbench_leaderboard.board.types import Bootstrap
from smmbench_research.emoji.laboratory.tables import text_of
from smmbench_research.record.plan import read_plan

TRACKERS = {"motion": "dis", "motion_second": "lucas-kanade", "motion_known": "dis+known"}
"""Columns of motion fidelity, and the tracker of each."""

Numbers = Float[np.ndarray, "rows pairs"]


class Line(BaseModel):
    """The columns that are needed of a line; a line may have others."""

    label: str
    clip: str
    edit: str
    seed: int
    motion: FiniteFloat
    motion_second: FiniteFloat
    motion_known: FiniteFloat


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the comparison, and return the exit code."""
    parser = argparse.ArgumentParser(description="Compare the rows of the record by tracker.")
    parser.add_argument("file", type=Path, help="scores of every video, .jsonl or .jsonl.gz")
    try:
        labels, clips, scores = read_scores(parser.parse_args(arguments).file)
        lines = [*compared(labels, clips, scores, [*map(is_control, labels)])]
    except (OSError, EOFError, zlib.error, ValueError, LookupError) as error:
        print_line(f"Error: {error}", err=True)
        return 2
    for line in lines:
        print_line(line)
    return 0


def read_scores(path: Path) -> tuple[list[str], list[str], dict[str, Numbers]]:
    """Read the labels of the rows, the clip of each pair, and the scores under each tracker.

    Raises:
        ValueError: A line lacks a column or a number, or two rows have unequal pairs.
    """
    rows: dict[str, dict[tuple[str, str, int], Line]] = {}
    for place, one in enumerate(text_of(path).splitlines(), start=1):
        try:
            line = Line.model_validate_json(one)
        except ValidationError as error:
            faults = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
            raise ValueError(
                f"Line {place} of '{path}' does not have the columns {', '.join(Line.model_fields)}"
                f" ({'; '.join(faults)}). The record of the world emoji has them."
            ) from None
        own, pair = rows.setdefault(line.label, {}), (line.clip, line.edit, line.seed)
        if pair in own:
            raise ValueError(f"Line {place} of '{path}' repeats a pair of {line.label}: {pair}.")
        own[pair] = line
    every = sorted({pair for own in rows.values() for pair in own})
    for label, own in rows.items():
        if lacking := [pair for pair in every if pair not in own]:
            raise ValueError(
                f"'{path}': {label} lacks {len(lacking)} of {len(every)} pairs, such as "
                f"{lacking[0]}, and means over unequal pairs are not comparable."
            )
    if not rows:
        raise ValueError(f"'{path}' has no lines.")
    scores = {
        tracker: np.array([[getattr(own[pair], name) for pair in every] for own in rows.values()])
        for name, tracker in TRACKERS.items()
    }
    return [*rows], [clip for clip, _, _ in every], scores


def is_control(label: str) -> bool:
    """Whether the plan's method of a row is a control; LookupError if the plan has no such row."""
    methods = _methods()
    if label not in methods:
        raise LookupError(no_such("row of the record", label, methods))
    return find_method(methods[label]).card.kind == "control"


@cache
def _methods() -> dict[str, str]:
    """The method of each row of the plan."""
    return {row.label: row.method for row in read_plan().rows}


def compared(
    labels: Sequence[str],
    clips: Sequence[str],
    scores: dict[str, Numbers],
    controls: Sequence[bool],
) -> Iterator[str]:
    """Write correlations with 95 % intervals over clips, and pairs of methods in reversed order."""
    draws = Bootstrap().seed, Bootstrap().resamples
    methods = [place for place, control in enumerate(controls) if not control]
    yield "| trackers | rows | Kendall | Spearman | videos | difference | reversed pairs |"
    yield "|---|---|--:|--:|--:|--:|--:|"
    for first, second in combinations(scores, 2):
        for name, some in (("methods", methods), ("with controls", [*range(len(labels))])):
            a, b = scores[first][some], scores[second][some]
            cells = [
                _cell(correlation.of_means(a, b, clips, correlation.kendall, *draws)),
                _cell(correlation.of_means(a, b, clips, correlation.spearman, *draws)),
                _cell(correlation.of_pairs(a, b, clips, *draws)),
                _number((a - b).mean()),
                f"{len(reversed_pairs(a, b))} of {math.comb(len(some), 2)}",
            ]
            yield f"| {first}, {second} | {len(some)} {name} | {' | '.join(cells)} |"
    yield ""
    yield "| trackers | methods in reversed order | first | second | significant under |"
    yield "|---|---|--:|--:|---|"
    names = [labels[place] for place in methods]
    for first, second in combinations(scores, 2):
        a, b = scores[first][methods], scores[second][methods]
        tests = [rank_intervals(dict(zip(names, one, strict=True)), clips) for one in (a, b)]
        for i, j in reversed_pairs(a, b):
            better = tests[0].better[i, j], tests[1].better[j, i]
            shown = [name for name, is_so in zip((first, second), better, strict=True) if is_so]
            yield (
                f"| {first}, {second} | {names[i]}, {names[j]} | {_number((a[i] - a[j]).mean(), 4)}"
                f" | {_number((b[i] - b[j]).mean(), 4)} | {', '.join(shown) or 'neither'} |"
            )


def reversed_pairs(a: Numbers, b: Numbers) -> list[tuple[int, int]]:
    """Pairs of rows whose means have opposite orders; the higher one in `a` comes first."""
    x, y = a.mean(axis=1), b.mean(axis=1)
    ordered = combinations(np.argsort(-x, kind="stable").tolist(), 2)
    found = [(i, j) for i, j in ordered if x[i] - x[j] > 1e-12 and y[j] - y[i] > 1e-12]
    return sorted(found, key=lambda pair: x[pair[1]] - x[pair[0]])


def _cell(found: correlation.Correlation) -> str:
    if found.value is None:
        return "none"
    ends = f" [{', '.join(map(_number, found.interval))}]" if found.interval else ""
    return f"{_number(found.value)}{ends}"


def _number(value: float, digits: int = 3) -> str:
    return f"{value:.{digits}f}".replace("0.", ".", 1) if abs(value) < 1 else f"{value:.{digits}f}"


if __name__ == "__main__":
    raise SystemExit(main())
