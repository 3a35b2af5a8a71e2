"""Checks of invariance: changes that must not affect a number."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from smmbench.dataset import clip_named, load_dataset, source_video
from smmbench.metrics.text_similarity import clip_text_similarity
from smmbench.results import VIDEO, read_scores
from smmbench.results.files import SCORES
from smmbench.scoring.models.text_model import TextModel
from smmbench.selftest.reencoding import write_h264_rgb
from smmbench.selftest.standing import (
    CLIPS,
    CONTROLS,
    DATASET,
    make_controls,
    score_all,
)
from smmbench.video import read_video

Check = tuple[str, str, Callable[[], list[str]]]

SAME = ("source-copy", "reversed", "noise")  # controls that are generated or scored twice
SHARDS = 4
BATCHES = (1, 5, 16)


def repeated_scoring(results: Path, folder: Path) -> Check:
    """Score copies with empty caches."""

    def faults() -> list[str]:
        again = _copied(results, folder / "again")
        score_all(again, folder / "home-again")
        return _differences(results, again)

    return (
        "repeated-scoring",
        "The same video, scored again, has exactly the same scores.",
        faults,
    )


def reencoded_copies(results: Path, folder: Path) -> Check:
    """Score copies of which only the file differs, not a pixel."""

    def faults() -> list[str]:
        again = _copied(results, folder / "reencoded")
        for file in sorted(again.rglob(VIDEO)):
            video, before = read_video(file), file.read_bytes()
            write_h264_rgb(file, video)
            if file.read_bytes() == before:
                return [f"{file} was not re-encoded"]
        score_all(again, folder / "home-reencoded")
        return _differences(results, again)

    statement = "A lossless copy in another codec has the same scores."
    return "reencoded-copies", statement, faults


def any_shards(results: Path, folder: Path) -> Check:
    """Generate and score in shards, each with its own caches."""

    def faults() -> list[str]:
        some = [control for control in CONTROLS if control.name in SAME]
        found, expected = [], list(results.rglob(SCORES))
        made = 0
        for number in range(1, SHARDS + 1):
            part = folder / f"shard-{number}"
            make_controls(some, part, f"{number}/{SHARDS}")
            if not list(part.rglob(VIDEO)):
                continue  # more shares than clips
            score_all(part, folder / f"home-{number}")
            made += len(list(part.rglob(SCORES)))
            found += _differences(results, part)
        wanted = sum(file.relative_to(results).parts[0] in SAME for file in expected)
        if made != wanted:
            found.append(f"{SHARDS} shards made {made} videos, one made {wanted}")
        return found

    return "any-shards", f"Scores are the same with 1 and with {SHARDS} shards.", faults


def any_batch_size() -> Check:
    """Embed the frames of a clip in batches of several sizes."""

    def faults() -> list[str]:
        dataset = load_dataset(DATASET)
        video = source_video(dataset, clip_named(dataset, CLIPS[0]))
        model = TextModel(dataset.manifest.protocol.text_model, "cpu")
        words = model.embed_text("a dog in the snow")
        whole, *others = (
            clip_text_similarity(model.embed_frames(video.frames, batch), words)
            for batch in BATCHES
        )
        return [
            f"in batches of {batch} text similarity is {one:.7f}, in batches of 1 {whole:.7f}"
            for batch, one in zip(BATCHES[1:], others, strict=True)
            if not abs(one - whole) <= 1e-5
        ]

    statement = "The batch size of frames changes text similarity by at most 1e-5."
    return "any-batch-size", statement, faults


def _copied(results: Path, to: Path) -> Path:
    """Some of the results without their scores."""
    for name in SAME:
        shutil.copytree(results / name, to / name, ignore=shutil.ignore_patterns(SCORES))
    return to


def _differences(results: Path, other: Path) -> list[str]:
    """Score files in `other` that differ from those in `results` in any digit.

    The stored identity of the scored file (its size, time and hash) may differ, since the checks
    are about other files with the same pixels.
    """
    files = sorted(file.relative_to(other) for file in other.rglob(SCORES))
    if not files:
        return ["nothing was scored"]
    return [
        f"{file.parent} has other scores"
        for file in files
        if _scores(results / file) != _scores(other / file)
    ]


def _scores(file: Path) -> str:
    found = read_scores(file.parent)
    return "" if found is None else found.model_dump_json(exclude={"video_file"})
