"""Tables that accompany the boards of a run: rows and cost, marks, held-out evaluators."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from smmbench.statistics import mean_interval
from smmbench_leaderboard.board.types import Board
from smmbench_leaderboard.board.types import Row as BoardRow
from smmbench_research.emoji.gaming.bounds import upper_bound
from smmbench_research.record.estimating import Estimate
from smmbench_research.record.plan import Row, Task
from smmbench_research.record.state import Done

KEYS = ("label", "clip", "edit", "seed")


def rows_and_cost(
    rows: Sequence[Row], board: Board, costs: Mapping[str, Estimate]
) -> Iterator[str]:
    """For each row: how it was tuned, how many of its pairs are done, and what it cost."""
    yield (
        "| row | settings tried | references | pairs done | failed | s per pair, recorded | GPU s "
        "per pair | peak GiB | device | searched | why |"
    )
    yield "|---|--:|---|--:|--:|--:|--:|--:|---|---|---|"
    stand = {row.label: row for row in board.rows}
    for row in rows:
        one = stand.get(row.label)
        if one is None:
            cells = [row.label, str(row.tried), ", ".join(row.references), "0", *[""] * 5]
            yield f"| {' | '.join([*cells, _searched(row), row.why])} |"
            continue
        measured = costs[row.name].measured
        cells = [
            row.label,
            str(row.tried),
            ", ".join(row.references),
            f"{one.coverage.done} of {one.coverage.expected}",
            str(sum(one.coverage.failed.values())),
            _number(one.seconds),
            _number(measured),
            _number(one.peak_gib, 1),
            ", ".join(one.devices),
            _searched(row),
            row.why,
        ]
        yield f"| {' | '.join(cells)} |"


def marks(board: Board) -> Iterator[str]:
    """The marked pairs of each row; over all real methods, with an upper bound on false marks.

    A mark on a pair of a real method counts as false, because nobody tried to deceive. Controls
    that were made to deceive should be marked.
    """
    real = [row for row in board.rows if not row.control]
    yield "| row | kind | marked | share | by rule |"
    yield "|---|---|--:|--:|---|"
    for row in (*real, *(row for row in board.rows if row.control)):
        done = [pair for pair in row.pairs if pair.status == "done"]
        yield (
            f"| {row.label} | {row.card.kind} | {_marked(row)} of {len(done)} | "
            f"{_share(_marked(row), len(done))} | {_by_rule(row)} |"
        )
    done_pairs = sum(pair.status == "done" for row in real for pair in row.pairs)
    found = sum(_marked(row) for row in real)
    yield ""
    if done_pairs:
        bound = upper_bound(found, done_pairs)
        clips = len({pair.clip for row in real for pair in row.pairs})
        yield (
            f"False marks: {found} of {done_pairs} pairs of {len(real)} real rows, "
            f"{found / done_pairs:.2%}; below {bound:.2%} with 95 % confidence if pairs were "
            f"independent (Clopper and Pearson). They are not, because they come from {clips} "
            "clips; the true bound is slightly higher."
        )


def held_out(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Means of the held-out evaluators, with 95 % intervals over clips."""
    figures = list(dict.fromkeys(name for row in rows for name in row if name not in KEYS))
    yield f"| row | outputs | {' | '.join(name.replace('_', ' ') for name in figures)} |"
    yield f"|---|--:|{'--:|' * len(figures)}"
    labels = list(dict.fromkeys(str(row["label"]) for row in rows))
    for label in labels:
        own = [row for row in rows if row["label"] == label]
        cells = [_mean(own, name) for name in figures]
        yield f"| {label} | {len(own)} | {' | '.join(cells)} |"


def held_out_rows(tasks: Sequence[Task], done: Mapping[str, Done]) -> list[dict[str, Any]]:
    """Results of the held-out evaluators for all batches, in the order of the plan."""
    return [row for task in tasks if task.name in done for row in done[task.name].held_out]


def _searched(row: Row) -> str:
    return "in this run" if row.search else row.searched


def _mean(rows: Sequence[Mapping[str, Any]], name: str) -> str:
    there = [(float(row[name]), str(row["clip"])) for row in rows if row.get(name) is not None]
    if not there:
        return ""
    values, clips = zip(*there, strict=True)
    found = mean_interval(np.array(values), clips, seed=0, resamples=2000)
    if found.interval is None:
        return f"{found.mean:.3f}"
    return f"{found.mean:.3f} [{found.interval[0]:.3f}, {found.interval[1]:.3f}]"


def _marked(row: BoardRow) -> int:
    return sum(bool(pair.marks) for pair in row.pairs)


def _by_rule(row: BoardRow) -> str:
    counts: dict[str, int] = {}
    for pair in row.pairs:
        for name in pair.marks:
            counts[name] = counts.get(name, 0) + 1
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))


def _share(count: int, of: int) -> str:
    return f"{count / of:.1%}" if of else ""


def _number(value: float | None, digits: int = 3) -> str:
    return "" if value is None else f"{value:.{digits}f}"
