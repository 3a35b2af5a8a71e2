"""Extract what the site shows of one row: previews, facts of its pairs, messages and cost."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import lru_cache, partial
from itertools import groupby
from pathlib import Path
from typing import Any

from smmbench.dataset import Dataset, clip_form, clip_named, source_video
from smmbench.results import VIDEO
from smmbench.scoring.counting import Key
from smmbench.video import read_video
from smmbench_leaderboard.board.columns import MOTION, TEXT
from smmbench_leaderboard.board.reading import Result, Results
from smmbench_leaderboard.board.types import Pair, Row
from smmbench_leaderboard.provenance.chain import stated_links
from smmbench_leaderboard.site.cost import costs_of
from smmbench_leaderboard.site.frame import Evidence, SiteBoard
from smmbench_leaderboard.site.naming import slug
from smmbench_leaderboard.site.previews import keep_preview, preview_name
from smmbench_leaderboard.site.scripts import rounded, write_data
from smmbench_leaderboard.site.shown_tracks import keep_tracks


def keep_evidence(
    folder: Path, key: str, results: Results, row: Row, hidden: Collection[str] = ()
) -> Evidence:
    """Write what the viewer shows of a row, one file per clip; return what other pages need.

    Args:
        folder: Folder of the site.
        key: Key of the board.
        results: Results of this row only.
        row: The row.
        hidden: Pixel hashes of videos that were taken down; they get no preview, and an existing
            preview is removed.
    """
    found = results.found[row.label]
    previews: list[Key] = []
    for clip, pairs in groupby(row.pairs, key=lambda pair: pair.clip):  # pairs are ordered by clip
        facts: dict[str, Any] = {}
        for pair in pairs:
            place = (pair.clip, pair.edit, pair.seed)
            result = found.get(place)
            preview = "" if result is None else _preview(folder, results.dataset, result, hidden)
            if preview:
                previews.append(place)
            of = _facts(folder, results.dataset, pair, result, preview)
            facts[f"{slug(pair.edit)}/{pair.seed}"] = of
        name = f"{key}/data/{slug(row.label)}/{slug(clip)}"
        write_data(folder / f"{name}.js", name, facts)
    failures = {
        place: result.record.failure.message
        for place, result in found.items()
        if result.record.failure is not None
    }
    return Evidence(
        _shared(frozenset(previews)), failures, costs_of(one.record for one in found.values())
    )


@lru_cache(maxsize=8)
def _shared(keys: frozenset[Key]) -> frozenset[Key]:
    """Return equal keys of an earlier row as the same object, to save memory."""
    return keys


def keep_sources(folder: Path, frame: SiteBoard) -> dict[str, str]:
    """Make previews of the sources of a board; clips that are not available get none."""
    if frame.dataset is None:
        return {}
    dataset, found = frame.dataset, {}
    for clip in dataset.manifest.clips:
        if clip.name in {key[0] for key in frame.keys}:
            form = clip_form(dataset, clip)
            read = partial(source_video, dataset, clip)
            if name := keep_preview(folder, clip.pixels_sha256, form, read):
                found[clip.name] = name
    return found


def _preview(folder: Path, dataset: Dataset, result: Result, hidden: Collection[str]) -> str:
    record = result.record
    if record.status != "done":
        return ""
    form = clip_form(dataset, clip_named(dataset, record.request.clip))
    if record.pixels_sha256 in hidden:
        (folder / preview_name(record.pixels_sha256, form)).unlink(missing_ok=True)
        return ""
    return keep_preview(
        folder, record.pixels_sha256, form, lambda: read_video(result.folder / VIDEO)
    )


def _facts(
    folder: Path, dataset: Dataset, pair: Pair, result: Result | None, preview: str
) -> dict[str, Any]:
    """Return what the viewer shows of a pair, without empty values."""
    facts: dict[str, Any] = {
        "status": pair.status,
        "values": {name: rounded(value) for name, value in pair.values.items()},
        "marks": list(pair.marks),
        "preview": preview,
    }
    if result is not None:
        facts |= _facts_of_result(folder, dataset, result)
    return {name: fact for name, fact in facts.items() if fact or name == "values"}


def _facts_of_result(folder: Path, dataset: Dataset, result: Result) -> dict[str, Any]:
    """Return how a pair was generated or why it failed, its values by frame, and its origin."""
    record = result.record
    if record.failure is not None:
        failure = record.failure
        return {"failure": [failure.kind, failure.stage, failure.message[:2000]]}
    facts: dict[str, Any] = {}
    text = result.scores.get(TEXT)
    if text is not None and (by_frame := text.per_frame.get(TEXT)):
        facts["text"] = [rounded(value, 3) for value in by_frame]
    facts["tracks"] = keep_tracks(folder, result.folder, result.tracks)
    facts["seconds"] = rounded(record.transfer_seconds, 2)
    facts["why"] = [list(one) for one in _chain(dataset, result)]
    return facts


def _chain(dataset: Dataset, result: Result) -> Iterator[tuple[str, str, bool | None]]:
    """Return the origin of the pair's numbers: a name, the content, and whether it holds."""
    record = result.record
    yield "video", f"pixels sha256 {record.pixels_sha256}", None
    yield "made by", record.entry, None
    yield "made on", record.environment.device, None
    if record.imported is not None:
        yield "imported file", f"{record.imported.file}, sha256 {record.imported.sha256}", None
    for name in (MOTION, TEXT):
        score = result.scores.get(name)
        if score is None:
            continue
        if score.value is None:
            yield name, score.note, None
            continue
        yield name, f"{score.value:.6f}, version {score.version}, key {score.key}", None
        for link in stated_links(result, name, dataset):
            yield link.name, link.says, link.holds
