"""Trace one score back to the files on disk, checking every link."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from smmbench.dataset import Dataset, clip_form, clip_named, edit_named, source_video
from smmbench.metrics import Task, metric
from smmbench.results import VIDEO, RunRecord, Score, Stored, identity_of
from smmbench.scoring.options import Options
from smmbench.scoring.scorer import Scorer, pathless
from smmbench.storage.array_cache import origin_key
from smmbench.storage.local_paths import is_local, without_path
from smmbench.video import normal_form, read_video
from smmbench_leaderboard.board.reading import Result


class Link(Stored):
    """One dependency of a number.

    Attributes:
        name: Name of the dependency.
        holds: Whether it is unchanged since the number was computed; None if this cannot be
            determined here.
        says: What was found.
    """

    name: str
    holds: bool | None
    says: str


def links_of(result: Result, name: str, dataset: Dataset) -> tuple[Link, ...]:
    """Check what a score depends on: record, prompt, files, version, protocol.

    Args:
        result: A result that has a video.
        name: Name of the metric.
        dataset: The dataset, as it is installed.
    """
    score = result.scores.get(name)
    links = [*_record_links(result.record, dataset), *_file_links(result, score, dataset)]
    if score is None:
        return (*links, Link(name="score", holds=False, says="Not scored: run `smmbench score`."))
    return (*links, *_score_links(score, dataset))


def stated_links(result: Result, name: str, dataset: Dataset) -> Iterator[Link]:
    """Check the links that need no video: prompt, parameters, key, version, protocol.

    Args:
        result: A result that has a score of the metric.
        name: Name of the metric.
        dataset: The dataset, as it is installed.
    """
    yield from _record_links(result.record, dataset)
    yield from _score_links(result.scores[name], dataset)


def current_link(result: Result, name: str, scorer: Scorer, dataset: Dataset) -> Link:
    """Check whether scoring here and now would keep the number; this loads models and trackers.

    A changed convention breaks the chain; another version of a library only causes the number to be
    recomputed.
    """
    score, record = result.scores[name], result.record
    what = "scored here and now"
    if reason := scorer.unavailable.get(name):
        return Link(name=what, holds=None, says=f"It cannot be computed here: {reason}")
    clip = clip_named(dataset, record.request.clip)
    video = normal_form(read_video(result.folder / VIDEO), clip_form(dataset, clip))
    task = Task(clip, record.prompt, video, video.pixels_sha256)
    now = scorer.origin(metric(name), task)
    moved = sorted(
        key for key in now.keys() | score.origin if now.get(key) != score.origin.get(key)
    )
    if not moved:
        return Link(name=what, holds=True, says="It would be kept under the same key.")
    broken = bool({"conventions", "version", "protocol"} & {*moved})
    says = f"It would be recomputed, because these differ: {', '.join(moved)}."
    return Link(name=what, holds=False if broken else None, says=says)


def unnamed_file(
    score: Score, dataset: Dataset, tracker: str | None, text_model: str | None
) -> Link | None:
    """State what to do if a score depends on a local file, whose path no score contains."""
    given = {"tracker": tracker, "text_model": text_model}
    own = dataset.manifest.protocol.model_dump()
    for key, spec in pathless(score.origin).get("protocol", {}).items():
        if is_local(str(spec)) and not given.get(key) and without_path(own[key]) != spec:
            option = f"--{key.replace('_', '-')}"
            says = f"It was scored with weights from a local file: name it with {option}."
            return Link(name="scored here and now", holds=None, says=says)
    return None


def scorer_for(
    score: Score,
    dataset: Dataset,
    device: str,
    tracker: str | None = None,
    text_model: str | None = None,
) -> Scorer:
    """Load what computes the metric of a score, as it was requested.

    Args:
        score: The score.
        dataset: Dataset of the score.
        device: Device of the models.
        tracker: The tracker, if its weights are a local file, whose path no score contains; None
            for the tracker that the score or the dataset names.
        text_model: The text model, likewise.
    """
    protocol = score.origin.get("protocol", {})
    known = score.origin.get("source_tracked_by") == "known"
    options = Options(
        metrics=(score.metric,),
        tracker=tracker or _named_by(protocol.get("tracker")),
        text_model=text_model or _named_by(protocol.get("text_model")),
        source_tracks="known" if known else "tracker",
        device=device,
    )
    return Scorer(dataset, options)


def _named_by(spec: str | None) -> str | None:
    """Return what a score names; None for a local file, to use the dataset's own."""
    return None if spec is None or is_local(without_path(spec)) else spec


def _record_links(record: RunRecord, dataset: Dataset) -> Iterator[Link]:
    request = record.request
    edit = edit_named(clip_named(dataset, request.clip), request.edit)
    same = record.prompt == edit.prompt
    says = "That of the dataset." if same else f"The dataset has '{edit.prompt}'."
    yield Link(name="prompt", holds=same, says=says)
    found = identity_of(record)
    same = found == record.parameters_sha256
    says = "Their hash is that of the record." if same else f"Their hash is {found}."
    yield Link(name="parameters and weights", holds=same, says=says)


def _file_links(result: Result, score: Score | None, dataset: Dataset) -> Iterator[Link]:
    """Decode output and source, and compare their pixels with the recorded and scored hashes."""
    record, origin = result.record, score.origin if score else {}
    clip = clip_named(dataset, record.request.clip)
    try:
        video = read_video(result.folder / VIDEO)
        scored = normal_form(video, clip_form(dataset, clip)).pixels_sha256
    except (ValueError, OSError) as error:
        yield Link(name="output", holds=False, says=str(error))
    else:
        yield _same("output", video.pixels_sha256, record.pixels_sha256, "record")
        if score:
            yield _same("output in normal form", scored, origin.get("output"), "score")
    made_from = [record.source_sha256, *([origin["source"]] if "source" in origin else [])]
    for was, where in zip(made_from, ("record", "score"), strict=False):
        yield _same(f"source of the {where}", clip.pixels_sha256, was, where)
    try:
        yield _same("source", source_video(dataset, clip).pixels_sha256, clip.pixels_sha256, "set")
    except (ValueError, OSError) as error:
        yield Link(name="source", holds=None, says=f"Its file is not here: {error}")


def _score_links(score: Score, dataset: Dataset) -> Iterator[Link]:
    yield _same("key of the score", origin_key(score.origin), score.key, "score")
    now = metric(score.metric).version
    same = now == score.version == score.origin.get("version")
    says = (
        f"Version {now}, as here."
        if same
        else (
            f"Outdated: scored under version {score.version}, the current version is {now}. "
            "Run `smmbench score` again."
        )
    )
    yield Link(name="version of the metric", holds=same, says=says)
    own = pathless({"protocol": dataset.manifest.protocol.model_dump(mode="json")})["protocol"]
    other = {
        name: value
        for name, value in pathless(score.origin).get("protocol", {}).items()
        if own.get(name) != value
    }
    named = ", ".join(f"{name} {value}" for name, value in sorted(other.items()))
    says = f"Another than the dataset's: {named}." if other else "That of the dataset."
    yield Link(name="protocol", holds=not other, says=says)
    if score.value is None:
        yield Link(name="score", holds=False, says=f"No number: {score.note}")


def _same(name: str, found: str, expected: Any, where: str) -> Link:
    if found == expected:
        return Link(name=name, holds=True, says=f"sha256 {found}")
    return Link(name=name, holds=False, says=f"sha256 {found}, the {where} says {expected}")
