"""Recompute scores from a submission's videos, and compare them with its claims."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from smmbench.dataset import Dataset
from smmbench.metrics import all_metrics
from smmbench.results import (
    VIDEO,
    MethodFile,
    RunRecord,
    Score,
    ScoreFile,
    method_folder,
    result_folder,
    write_method,
    write_record,
)
from smmbench.scoring.counting import Key
from smmbench.scoring.libraries import other_libraries, unequal_libraries
from smmbench.scoring.loop import ScoreLoop
from smmbench.scoring.options import Options
from smmbench_leaderboard.board.build import board_of
from smmbench_leaderboard.board.columns import RANKING
from smmbench_leaderboard.board.mixing import terms
from smmbench_leaderboard.board.reading import Result, Results
from smmbench_leaderboard.board.types import Board, Bootstrap
from smmbench_leaderboard.submission.claims import Claim
from smmbench_leaderboard.submission.opening import claims_of
from smmbench_leaderboard.submission.packing import pair_folder


@dataclass(frozen=True)
class Recomputed:
    """The recomputed scores.

    Attributes:
        claims: Claimed and recomputed numbers.
        board: The recomputed row; None if nothing could be scored here.
        warnings: What could not be computed here, and why.
        whole: Whether both axes of every video have a number.
    """

    claims: tuple[Claim, ...]
    board: Board | None
    whole: bool
    warnings: tuple[str, ...]


def recompute(
    folder: Path,
    method: MethodFile,
    records: Mapping[Key, RunRecord],
    claimed: Collection[Key],
    dataset: Dataset,
    device: str,
    metrics: Sequence[str] = (),
) -> Recomputed:
    """Score every video under the dataset's own protocol, independently of the claims.

    Args:
        folder: Folder of the unpacked submission; videos are moved out of it.
        method: The method's card.
        records: Checked records by pair.
        claimed: Pairs whose scores are claimed; they are read one at a time.
        dataset: The dataset.
        device: Device of the metrics.
        metrics: Metrics to compute besides those that are always computed. The verifier chooses
            which models are loaded, never the submitter.
    """
    root = folder.parent / "results"
    write_method(method_folder(root, method.label), method)
    results = [_placed(folder, root, key, record) for key, record in records.items()]
    loop = ScoreLoop(Options(metrics=_metrics(metrics), device=device), [dataset])
    found: dict[Key, Result] = {}
    claims: list[Claim] = []
    warnings: dict[str, None] = {}  # each once, in order
    unscored: dict[tuple[str, str], list[str]] = {}  # pairs by metric and why it has no number
    for key, outcome in zip(records, loop.run(results), strict=True):
        scores = {score.metric: score for score in outcome.scores}
        found[key] = Result(outcome.folder, outcome.record, scores, outcome.marks)
        if outcome.error:
            warnings[f"'{pair_folder(key)}' was not scored: {outcome.error}"] = None
        for score in outcome.scores:
            if score.value is None:
                unscored.setdefault((score.metric, score.note), []).append(pair_folder(key))
        if key in claimed:
            file = claims_of(folder, key)
            claims += _claims(pair_folder(key), file, scores)
            for name in _unknown(file, scores):
                warnings[f"Claims of {name} are ignored: it was not computed here."] = None
            for claim in file.scores:
                own = scores.get(claim.metric)
                if own and (other := other_libraries(claim, own)):
                    warnings[f"Claims of {claim.metric} were scored with {other}."] = None
                if apart := _apart(claim, scores.get(claim.metric)):
                    warnings[f"Claims of {claim.metric} are not compared: {apart}."] = None
    for (name, note), pairs in unscored.items():
        more = f" and {len(pairs) - 1} more" if pairs[1:] else ""
        warnings[f"{name} of '{pairs[0]}'{more} has no number here: {note}"] = None
    whole = all(
        all(found[key].number(name) is not None for name in RANKING)
        for key, record in records.items()
        if record.status == "done"
    )
    scored = any(score.value is not None for r in found.values() for score in r.scores.values())
    row = Results(dataset, {method.label: method}, {method.label: found}, {})
    board = board_of(row, "full", Bootstrap()) if scored else None
    return Recomputed(tuple(claims), board, whole, tuple(warnings))


def _metrics(chosen: Sequence[str]) -> tuple[str, ...]:
    """Return the metrics that are always computed, and those that the verifier added."""
    return tuple(known.name for known in all_metrics() if not known.extra or known.name in chosen)


def _placed(folder: Path, root: Path, key: Key, record: RunRecord) -> tuple[Path, RunRecord]:
    """Move a pair into a results folder, without its claimed scores."""
    place = result_folder(root, record.request)
    write_record(place, record)
    if record.status == "done":
        shutil.move(folder / pair_folder(key) / VIDEO, place / VIDEO)
    return place, record


def _claims(pair: str, claimed: ScoreFile, scores: Mapping[str, Score]) -> Iterator[Claim]:
    """Pair every claimed number with the one computed here under the same conditions."""
    for claim in claimed.scores:
        if _apart(claim, scores.get(claim.metric)):
            continue
        own = _numbers(scores.get(claim.metric))
        for detail, value in _numbers(claim).items():
            if detail in own:
                yield Claim(
                    pair=pair,
                    metric=claim.metric,
                    detail=detail,
                    claimed=value,
                    recomputed=own[detail],
                )


def _apart(claim: Score, own: Score | None) -> str:
    """Describe how the conditions of a claim differ from those here; empty if they do not."""
    if own is None:
        return ""
    if claim.version != own.version:
        return f"they are of version {claim.version} of the metric, not the current {own.version}"
    ours, theirs = terms(own), terms(claim)
    others = [
        f"{name} {theirs[name]} instead of {value}"
        for name, value in ours.items()
        if name in theirs and theirs[name] != value
    ]
    if others:
        return f"they were scored with {', '.join(others)}"
    return unequal_libraries(claim, own)


def _numbers(score: Score | None) -> dict[str, float]:
    """Return a score's value, under the empty name, and its details."""
    if score is None or score.value is None:
        return {}
    return {"": score.value, **score.details}


def _unknown(claimed: ScoreFile, scores: Mapping[str, Score]) -> Iterator[str]:
    """Return names of claimed metrics and details that are not computed here."""
    for claim in claimed.scores:
        own = scores.get(claim.metric)
        if own is None:
            yield claim.metric
        elif own.value is not None:
            yield from (
                f"{claim.metric} {name}" for name in claim.details if name not in own.details
            )
