"""Scores computed anew from a submission's videos, beside those that it claims."""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from smmbench.dataset import Dataset
from smmbench.metrics.measure import Options
from smmbench.results import (
    VIDEO,
    MethodFile,
    RunRecord,
    Score,
    ScoreFile,
    Stored,
    method_folder,
    result_folder,
    write_method,
    write_record,
)
from smmbench.score import ScoreLoop
from smmbench_leaderboard.board import board_of
from smmbench_leaderboard.reading import Key, Result, Results
from smmbench_leaderboard.submission import pair_folder
from smmbench_leaderboard.types import Board, Bootstrap


class Claim(Stored):
    """One number as it was claimed and as it is."""

    pair: str
    metric: str
    detail: str  # empty for the score itself
    claimed: float | None
    recomputed: float | None

    @property
    def difference(self) -> float:
        """Distance of the two; infinite if only one of them is a number."""
        if self.claimed is None or self.recomputed is None:
            return 0.0 if self.claimed is self.recomputed else math.inf
        return abs(self.claimed - self.recomputed)


@dataclass(frozen=True)
class Recomputed:
    """What came out.

    Attributes:
        claims: Claimed and recomputed numbers.
        board: The recomputed row; None if nothing could be scored here.
        warnings: What could not be computed here, and why.
    """

    claims: tuple[Claim, ...]
    board: Board | None
    warnings: tuple[str, ...]


def recompute(
    folder: Path,
    method: MethodFile,
    records: Mapping[Key, RunRecord],
    claimed: Mapping[Key, ScoreFile],
    dataset: Dataset,
    device: str,
) -> Recomputed:
    """Score every video under the dataset's own protocol; the claims do not enter.

    Args:
        folder: Where the submission was unpacked; videos are moved out of it.
        method: The method's card.
        records: By pair, checked.
        claimed: The submitter's scores, by pair.
        dataset: The dataset.
        device: Where metrics compute.
    """
    root = folder.parent / "results"
    write_method(method_folder(root, method.label), method)
    results = [_placed(folder, root, key, record) for key, record in records.items()]
    loop = ScoreLoop(Options(device=device), {dataset.manifest.name: dataset})
    found: dict[Key, Result] = {}
    claims: list[Claim] = []
    warnings: dict[str, None] = {}  # each once, in order
    for key, outcome in zip(records, loop.run(results), strict=True):
        scores = {score.metric: score for score in outcome.scores}
        found[key] = Result(outcome.folder, outcome.record, scores)
        if outcome.error:
            warnings[f"'{pair_folder(key)}' was not scored: {outcome.error}"] = None
        for score in outcome.scores:
            if score.value is None:
                warnings[f"{score.metric} has no number here: {score.note}"] = None
        if key in claimed:
            claims += _claims(pair_folder(key), claimed[key], scores)
    scored = any(score.value is not None for r in found.values() for score in r.scores.values())
    row = Results(dataset, {method.label: method}, {method.label: found}, {})
    board = board_of(row, "full", Bootstrap()) if scored else None
    return Recomputed(tuple(claims), board, tuple(warnings))


def _placed(folder: Path, root: Path, key: Key, record: RunRecord) -> tuple[Path, RunRecord]:
    """Move a pair to where results lie, without its claimed scores."""
    place = result_folder(root, record.request)
    write_record(place, record)
    if record.status == "done":
        shutil.move(folder / pair_folder(key) / VIDEO, place / VIDEO)
    return place, record


def _claims(pair: str, claimed: ScoreFile, scores: Mapping[str, Score]) -> Iterator[Claim]:
    """Every number of a claim beside the recomputed one of the same name."""
    for claim in claimed.scores:
        own = scores.get(claim.metric)
        yield Claim(
            pair=pair,
            metric=claim.metric,
            detail="",
            claimed=claim.value,
            recomputed=own.value if own else None,
        )
        for name, value in claim.details.items():
            yield Claim(
                pair=pair,
                metric=claim.metric,
                detail=name,
                claimed=value,
                recomputed=own.details.get(name) if own else None,
            )
