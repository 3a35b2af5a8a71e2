"""Numbers of metrics for graded videos, computed with the same code as for results."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from smmbench.dataset import Clip, Dataset, Edit, File, Manifest, Protocol
from smmbench.graded.types import Graded, GradedSource
from smmbench.metrics import Task
from smmbench.results import Score
from smmbench.scoring.options import Options
from smmbench.scoring.scorer import Scorer
from smmbench.storage.home import file_sha256
from smmbench.video import write_lossless

ABSENT = "0" * 64


@dataclass(frozen=True)
class Number:
    """The number of one metric for one video.

    Attributes:
        metric: Name of the metric.
        source: Name of the source.
        video: Name of the video.
        score: The score, with a value, or a note that says why it has no value.
    """

    metric: str
    source: str
    video: str
    score: Score


def numbers_of(
    graded: Graded, options: Options, tell: Callable[[str], None] = lambda _: None
) -> Iterator[Number]:
    """Score every video with every metric of the options.

    Sources are written, losslessly and with their ground-truth tracks and masks if known, to a
    temporary folder; tracks and embeddings are cached like those of results.

    Args:
        graded: The videos.
        options: Metrics, tracker, text model, device.
        tell: Called after each source with its name.

    Raises:
        LookupError: There is no such metric, tracker or text model.
    """
    sources = sorted(graded.sources, key=lambda one: _form(one.protocol))
    for _, group in itertools.groupby(sources, key=lambda one: _form(one.protocol)):
        with tempfile.TemporaryDirectory(prefix="smmbench-graded-") as folder:
            alike = list(group)
            dataset = _dataset(graded, alike, Path(folder))
            scorer = Scorer(dataset, options)
            for source, clip in zip(alike, dataset.manifest.clips, strict=True):
                yield from _of_source(source, clip, scorer)
                tell(source.name)


def _of_source(source: GradedSource, clip: Clip, scorer: Scorer) -> Iterator[Number]:
    for name, video in source.videos.items():
        output = video.load()
        task = Task(clip, video.prompt, output, output.pixels_sha256)
        for metric in scorer.metrics:
            yield Number(metric.name, source.name, name, scorer.score(metric, task, None))


def _form(protocol: Protocol) -> str:
    return protocol.model_dump_json()


def _dataset(graded: Graded, sources: Sequence[GradedSource], folder: Path) -> Dataset:
    """The sources as a dataset, whose clips have the same order."""
    manifest = Manifest(
        name=graded.name,
        version=1,
        title=graded.name,
        description=f"Sources of {graded.kind}.",
        licence="as of the videos",
        protocol=sources[0].protocol,
        clips=tuple(_clip(source, folder) for source in sources),
    )
    return Dataset(manifest=manifest, root=folder)


def _clip(source: GradedSource, folder: Path) -> Clip:
    """Write a source and its ground truth; an unavailable source becomes a missing file."""
    path = folder / f"{source.name}.mkv"
    video, pixels = File(path=path.name, sha256=ABSENT), ABSENT
    if source.load is not None:
        shown = source.load()
        write_lossless(path, shown)
        video, pixels = File(path=path.name, sha256=file_sha256(path)), shown.pixels_sha256
    return Clip(
        name=source.name,
        video=video,
        pixels_sha256=pixels,
        prompt=source.prompt,
        licence="as of the videos",
        attribution="as of the videos",
        tracks=_written(source, folder, "tracks", "visible"),
        masks=_written(source, folder, "masks"),
        edits=(Edit(name="graded", prompt="graded videos"),),
    )


def _written(source: GradedSource, folder: Path, *names: str) -> File | None:
    """Write ground-truth arrays as a file of the dataset; return None if they are not known."""
    if any(name not in source.arrays for name in names):
        return None
    path = folder / f"{source.name}.{names[0]}.npz"
    arrays: dict[str, Any] = {name: source.arrays[name] for name in names}
    np.savez_compressed(path, **arrays)
    return File(path=path.name, sha256=file_sha256(path))
