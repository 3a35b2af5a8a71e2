"""Write the origin of a number for a terminal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from smmbench.display import plain
from smmbench.results import RunRecord, Score
from smmbench_leaderboard.formats.table import NONE, number
from smmbench_leaderboard.provenance.chain import Link
from smmbench_leaderboard.provenance.why import CellOrigin, PairOfMean, PairOrigin

MARKS = {True: "holds", False: "BROKEN", None: "open"}


def cell_text(found: CellOrigin) -> str:
    """Write how a mean is computed from its pairs."""
    column, count = found.column, sum(pair.counts is not None for pair in found.pairs)
    what = f"{column.metric} {column.detail}".strip()
    lines = [
        f"{found.method}, {column.title}: {number(found.cell.mean)} on {found.dataset}",
        f"= the sum {found.sum:.6f} of {count} pairs, divided by {count}; scope {found.scope}.",
        f"{found.worst_pairs} of them have no number and count as the worst, {column.worst:g}.",
        f"Each is `{what}` version {column.version}, under:",
        *(f"  {line}" for line in _lines(column.conditions)),
        "Pairs:",
        *(f"  {_pair_line(pair)}" for pair in found.pairs),
        _verdict(found.unbroken),
        *found.notes,
    ]
    return _text(lines)


def pair_text(found: PairOrigin) -> str:
    """Write what one number depends on, down to the pixels and the run."""
    place = f"{found.clip}/{found.edit}/{found.seed}"
    counts = "does not count" if found.counts is None else f"counts {found.counts:.6f}"
    value = f"{number(found.value)}, {counts} in the mean"
    lines = [f"{found.method}, {found.column} of {place}: {value} ({found.status})"]
    if found.marks:
        lines.append(f"Marked ({', '.join(found.marks)}), so it counts as the worst.")
    if found.record is None:
        lines.append("There is no result: the pair was not run.")
        return _text(lines)
    lines.append(f"In '{found.folder}'.")
    if found.score:
        lines += ["Score:", *(f"  {line}" for line in _score_lines(found.score))]
    lines += ["Run:", *(f"  {line}" for line in _run_lines(found.record))]
    if found.links:
        lines += ["Chain:", *(f"  {_link_line(link)}" for link in found.links)]
        lines.append(_verdict(found.unbroken))
    return _text(lines)


def _pair_line(pair: PairOfMean) -> str:
    why = f"{pair.status} {pair.failure}".strip()
    counts = "does not count" if pair.counts is None else f"{pair.counts:+.6f}"
    if not pair.scored and pair.counts is not None:
        counts += " as the worst"
    if pair.marks:
        counts += f" as the worst, because it is marked: {', '.join(pair.marks)}"
    broken = f"; BROKEN: {', '.join(pair.broken)}" if pair.broken else ""
    return f"{pair.clip}/{pair.edit}/{pair.seed}: {counts} ({why}){broken}"


def _score_lines(score: Score) -> Iterator[str]:
    yield f"metric: {score.metric} version {score.version}"
    yield f"key: {score.key}"
    yield from _lines({name: v for name, v in score.origin.items() if name != "metric"})
    if score.note:
        yield f"note: {score.note}"


def _run_lines(record: RunRecord) -> Iterator[str]:
    if record.failure:
        failure = record.failure
        yield f"failed: {failure.kind} at {failure.stage}: {failure.message}"
    if record.imported:
        yield f"imported: {record.imported.file}, sha256 {record.imported.sha256}"
    yield f"entry: {record.entry or NONE}"
    yield f"prompt: {record.prompt}"
    yield f"seed: {record.request.seed}"
    yield f"parameters: {_short(record.parameters)} (sha256 {record.parameters_sha256})"
    yield f"weights: {_short(record.weights)}"
    yield f"device: {record.environment.device}"
    yield f"software: Python {record.environment.python}, {_short(record.environment.packages)}"
    yield f"seconds: {record.transfer_seconds:.3g}, prepared in {record.prepare_seconds:.3g}"
    yield f"pixels of the output: {record.pixels_sha256 or NONE}"
    yield f"pixels of the source: {record.source_sha256}"


def _link_line(link: Link) -> str:
    return f"{MARKS[link.holds]:6}  {link.name}: {link.says}"


def _verdict(unbroken: bool) -> str:
    return "The chain is unbroken." if unbroken else "The chain is BROKEN."


def _lines(values: dict[str, Any]) -> Iterator[str]:
    for name, value in values.items():
        yield f"{name}: {value if isinstance(value, str) else _short(value)}"


def _short(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def _text(lines: list[str]) -> str:
    indents = (line[: len(line) - len(line.lstrip(" "))] for line in lines)
    safe = (plain(line, longest=2000) for line in lines)
    return "".join(f"{indent}{line}\n" for indent, line in zip(indents, safe, strict=True))
