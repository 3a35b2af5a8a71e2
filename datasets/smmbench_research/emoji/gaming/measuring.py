"""Figures of outputs: of real methods' results, of constructions over stills, of searched ones."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from smmbench.dataset import Dataset, clip_named, edit_named, load_dataset, source_video
from smmbench.marks import RULES
from smmbench.metrics.motion_fidelity import motion_fidelity
from smmbench.metrics.text_similarity import clip_text_similarity
from smmbench.results import VIDEO, RunRecord, find_records, read_method
from smmbench.scoring.models.text_model import TextModel
from smmbench.tracking import Tracks, open_tracker
from smmbench.video import Video, read_video
from smmbench_research.emoji.gaming.adaptive import ATTACKS, search
from smmbench_research.emoji.gaming.constructions import FAMILIES

STILLS = "text-only"
"""Label whose videos give the stills that constructions are built on: their middle frames."""

Row = dict[str, Any]
Frames = UInt8[np.ndarray, "time height width 3"]
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
        """A source with its tracks."""
        if clip not in self._sources:
            video = source_video(self.dataset, clip_named(self.dataset, clip))
            self._sources[clip] = video, self._tracker.track(video)
        return self._sources[clip]

    def kind(self, pair: Pair) -> str:
        """What an edit changes: `object`, `scene`, `both`, ...; empty if not said."""
        return edit_named(clip_named(self.dataset, pair[0]), pair[1]).kind or ""

    def figures(self, clip: str, output: Frames) -> dict[str, float]:
        """Motion fidelity and the value of each rule, for an output of a clip."""
        source, tracks = self.source(clip)
        found = self._tracker.track(Video(output, source.fps))
        threshold = self.protocol.still_threshold
        motion = motion_fidelity(tracks.points, found.points, still_threshold=threshold).mean
        values = {rule.name: rule.measure(source.frames, output) for rule in RULES}
        return {name: round(value, 5) for name, value in ({"motion": motion} | values).items()}

    def text(self, pair: Pair, output: Frames) -> float:
        """Text similarity of an output with an edit's prompt."""
        prompt = edit_named(clip_named(self.dataset, pair[0]), pair[1]).prompt
        model, prefix = self.text_model, self.protocol.text_prefix
        return clip_text_similarity(model.embed_frames(output), model.embed_text(prefix + prompt))


def rows_of(root: Path, bench: Bench, families: Collection[str] = ()) -> Iterator[Row]:
    """Rows of all results of a dataset below a folder, then of constructions over its stills.

    Args:
        root: The results folder.
        bench: What measures.
        families: Of constructions; none for all.
    """
    for folder, record in _results(root, bench):
        request = record.request
        method = read_method(root / request.method)
        family = "control" if method and method.card.kind == "control" else "real"
        figures = bench.figures(request.clip, read_video(folder / VIDEO).frames)
        yield _row(bench, request.method, family, (request.clip, request.edit), request.seed) | (
            figures
        )
    for pair, still in stills_of(root, bench).items():
        source = bench.source(pair[0])[0].frames
        for family in families or FAMILIES:
            for label, build in FAMILIES[family].items():
                output = build(source, still)
                text = {"text": round(bench.text(pair, output), 5)}
                yield _row(bench, label, family, pair, 0) | bench.figures(pair[0], output) | text


def stills_of(root: Path, bench: Bench) -> dict[Pair, UInt8[np.ndarray, "height width 3"]]:
    """The middle frame of each pair's first video of text alone."""
    stills: dict[Pair, UInt8[np.ndarray, "height width 3"]] = {}
    for folder, record in _results(root, bench):
        request = record.request
        if request.method == STILLS and (request.clip, request.edit) not in stills:
            frames = read_video(folder / VIDEO).frames
            stills[request.clip, request.edit] = frames[len(frames) // 2]
    return stills


def searched(
    bench: Bench, stills: dict[Pair, UInt8[np.ndarray, "height width 3"]], clips: int, steps: int
) -> Iterator[Row]:
    """What each adaptive attack reaches, on the first edit of some clips."""
    first = {pair[0]: pair for pair in reversed(stills)}
    for pair in list(first.values())[:clips]:
        source = bench.source(pair[0])[0].frames

        def figures(output: Frames, pair: Pair = pair) -> dict[str, float]:
            return {"text": bench.text(pair, output)} | bench.figures(pair[0], output)

        for attack in ATTACKS:
            best = search(attack, source, stills[pair], figures, steps)
            yield _row(bench, attack.name, "adaptive", pair, 0) | best


def _results(root: Path, bench: Bench) -> Iterator[tuple[Path, RunRecord]]:
    name = bench.dataset.manifest.name
    for folder, record in find_records(root):
        if record.request.dataset == name and record.status == "done":
            yield folder, record


def _row(bench: Bench, label: str, family: str, pair: Pair, seed: int) -> Row:
    clip, edit = pair
    about = {"label": label, "family": family, "kind": bench.kind(pair)}
    return about | {"clip": clip, "edit": edit, "seed": seed}
