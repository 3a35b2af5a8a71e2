"""Measure outputs: results of real methods, constructions over stills, and adaptive attacks."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from jaxtyping import UInt8

from smmbench.dataset import Dataset, clip_named, edit_named, load_dataset, source_video
from smmbench.marks import RULES
from smmbench.metrics.motion_fidelity import motion_fidelity
from smmbench.metrics.text_similarity import clip_text_similarity
from smmbench.results import VIDEO, RunRecord, find_records, marks_of, read_method, scores_of
from smmbench.scoring.models.text_model import TextModel
from smmbench.tracking import Tracks, open_tracker
from smmbench.video import Video, read_video
from smmbench_research.emoji.gaming.adaptive import ATTACKS, search
from smmbench_research.emoji.gaming.constructions import FAMILIES

STILLS = "text-only"
"""Label whose videos supply the stills of constructions, their middle frames."""

RESULTS = "results"
"""Name for the outputs of real methods, next to the families of constructions."""

Row = dict[str, Any]
Frames = UInt8[np.ndarray, "time height width 3"]
Picture = UInt8[np.ndarray, "height width 3"]
Pair = tuple[str, str]  # clip and edit


class Bench:
    """Measures outputs of one dataset.

    Args:
        dataset: Name of the dataset.
    """

    def __init__(self, dataset: str) -> None:
        self.dataset: Dataset = load_dataset(dataset)
        self.protocol = self.dataset.manifest.protocol
        self._tracker = open_tracker(self.protocol.tracker, self.protocol.grid, "cpu")
        self._sources: dict[str, tuple[Video, Tracks]] = {}

    @cached_property
    def text_model(self) -> TextModel:
        """That of the protocol."""
        return TextModel(self.protocol.text_model, "cpu")

    def source(self, clip: str) -> tuple[Video, Tracks]:
        """Return a source with its tracks."""
        if clip not in self._sources:
            video = source_video(self.dataset, clip_named(self.dataset, clip))
            self._sources[clip] = video, self._tracker.track(video)
        return self._sources[clip]

    def kind(self, pair: Pair) -> str:
        """Return what an edit changes: `object`, `scene`, `both`, ...; empty if unknown."""
        return edit_named(clip_named(self.dataset, pair[0]), pair[1]).kind or ""

    def figures(self, clip: str, output: Frames) -> dict[str, float]:
        """Return motion fidelity and the value of each rule for an output of a clip."""
        source, tracks = self.source(clip)
        found = self._tracker.track(Video(output, source.fps))
        threshold = self.protocol.still_threshold
        motion = motion_fidelity(tracks.points, found.points, still_threshold=threshold).mean
        values = {rule.name: rule.measure(source.frames, output) for rule in RULES}
        return _rounded({"motion": motion} | values)

    def text(self, pair: Pair, output: Frames) -> float:
        """Return the text similarity of an output with an edit's prompt."""
        prompt = edit_named(clip_named(self.dataset, pair[0]), pair[1]).prompt
        model, prefix = self.text_model, self.protocol.text_prefix
        return clip_text_similarity(model.embed_frames(output), model.embed_text(prefix + prompt))

    def row(self, label: str, family: str, pair: Pair, seed: int = 0) -> Row:
        """Return the identifying columns of a row."""
        about = {"label": label, "family": family, "kind": self.kind(pair)}
        return about | {"clip": pair[0], "edit": pair[1], "seed": seed}


@dataclass(frozen=True, eq=False)
class OfResult:
    """Measure one output of a results folder, reusing scores that are stored with it.

    Attributes:
        dataset: Name of the dataset.
        folder: Folder of the result.
        record: Record of the result.
        family: `real` or `control`.
    """

    dataset: str
    folder: Path
    record: RunRecord
    family: str

    @property
    def key(self) -> str:
        """The pixels and the rules."""
        return _key(self.record.request.model_dump(mode="json"), self.record.pixels_sha256)

    def rows(self, bench: Bench) -> list[Row]:
        """The one row."""
        request = self.record.request
        figures = self._stored()
        if figures is None:
            figures = bench.figures(request.clip, read_video(self.folder / VIDEO).frames)
        pair = request.clip, request.edit
        return [bench.row(request.method, self.family, pair, request.seed) | figures]

    def _stored(self) -> dict[str, float] | None:
        """Return the stored scores if they are of the current rules and complete."""
        scores = scores_of(self.folder, self.record)
        marks = {mark.name: mark for mark in marks_of(self.folder, self.record)}
        motion, text = (scores.get(name) for name in ("motion_fidelity", "text_similarity"))
        values = {
            rule.name: marks[rule.name].value
            for rule in RULES
            if rule.name in marks and marks[rule.name].version == rule.version
        }
        found = {
            "motion": motion.value if motion else None,
            "text": text.value if text else None,
            **values,
        }
        whole = {name: value for name, value in found.items() if value is not None}
        return _rounded(whole) if len(whole) == 2 + len(RULES) else None


@dataclass(frozen=True, eq=False)
class OfFamily:
    """Measure the constructions of a family over one still."""

    dataset: str
    family: str
    pair: Pair
    still: Picture

    @property
    def key(self) -> str:
        """The still, the names of the constructions and the rules."""
        return _key("family", self.family, list(FAMILIES[self.family]), self.pair, self.still)

    def rows(self, bench: Bench) -> list[Row]:
        """A row for each construction."""
        clip = self.pair[0]
        source = bench.source(clip)[0].frames
        rows = []
        for label, build in FAMILIES[self.family].items():
            output = build(source, self.still)
            text = {"text": round(bench.text(self.pair, output), 5)}
            row = bench.row(label, self.family, self.pair)
            rows.append(row | bench.figures(clip, output) | text)
        return rows


@dataclass(frozen=True, eq=False)
class OfAttack:
    """Run the search of one attack over one still."""

    dataset: str
    attack: str
    pair: Pair
    still: Picture
    steps: int

    @property
    def key(self) -> str:
        """The still, the search and the rules with their thresholds."""
        limits = [(rule.threshold, rule.side) for rule in RULES]
        return _key("attack", self.attack, self.pair, self.still, self.steps, limits)

    def rows(self, bench: Bench) -> list[Row]:
        """Return the best output that was found."""
        attack = next(one for one in ATTACKS if one.name == self.attack)
        clip = self.pair[0]

        def figures(output: Frames) -> dict[str, float]:
            return {"text": bench.text(self.pair, output)} | bench.figures(clip, output)

        source = bench.source(clip)[0].frames
        best = search(attack, source, self.still, figures, self.steps)
        return [bench.row(attack.name, "adaptive", self.pair) | best]


Measured = OfResult | OfFamily | OfAttack


def to_measure(root: Path, dataset: str, families: Collection[str] = ()) -> list[Measured]:
    """List tasks for all results of a dataset in a folder, then for constructions over its stills.

    Args:
        root: The results folder.
        dataset: Name of the dataset.
        families: Families of constructions, and `RESULTS`; empty for all.
    """
    tasks: list[Measured] = []
    if not families or RESULTS in families:
        for folder, record in _results(root, dataset):
            method = read_method(root / record.request.method)
            family = "control" if method and method.card.kind == "control" else "real"
            tasks.append(OfResult(dataset, folder, record, family))
    chosen = [family for family in FAMILIES if not families or family in families]
    stills = stills_of(root, dataset) if chosen else {}
    tasks += [OfFamily(dataset, one, *still) for still in stills.items() for one in chosen]
    return tasks


def to_attack(
    root: Path, dataset: str, attacks: Collection[str] = (), clips: int = 13, steps: int = 40
) -> list[Measured]:
    """List tasks for each attack on the first edit of each clip that has a still.

    Args:
        root: The results folder.
        dataset: Name of the dataset.
        attacks: Names of attacks; empty for all.
        clips: Maximum number of clips.
        steps: Number of outputs that a search tries.
    """
    stills = stills_of(root, dataset)
    first = list({pair[0]: pair for pair in reversed(stills)}.values())[::-1]
    names = [attack.name for attack in ATTACKS if not attacks or attack.name in attacks]
    return [
        OfAttack(dataset, name, pair, stills[pair], steps)
        for pair in first[:clips]
        for name in names
    ]


def rows_of(task: Measured) -> list[Row]:
    """Return the rows of a task, measured by this process."""
    return task.rows(_bench(task.dataset))


def one_thread() -> None:
    """Leave the other cores to the other processes."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)


def stills_of(root: Path, dataset: str) -> dict[Pair, Picture]:
    """Return the middle frame of each pair's first `text-only` video."""
    stills: dict[Pair, Picture] = {}
    for folder, record in _results(root / STILLS, dataset):
        pair = record.request.clip, record.request.edit
        if pair not in stills:
            frames = read_video(folder / VIDEO).frames
            stills[pair] = frames[len(frames) // 2]
    return stills


@cache
def _bench(dataset: str) -> Bench:
    return Bench(dataset)


def _results(root: Path, dataset: str) -> Iterator[tuple[Path, RunRecord]]:
    for folder, record in find_records(root):
        if record.request.dataset == dataset and record.status == "done":
            yield folder, record


def _rounded(figures: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 5) for name, value in figures.items()}


def _key(*parts: object) -> str:
    """Hash the given parts together with the rules' versions."""
    hashed = [
        hashlib.sha256(part.tobytes()).hexdigest() if isinstance(part, np.ndarray) else part
        for part in parts
    ]
    terms = [*hashed, [(rule.name, rule.version) for rule in RULES]]
    return hashlib.sha256(json.dumps(terms).encode()).hexdigest()[:16]
