"""A dataset of two clips, and results of one method on it: what a submission is made of."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from smmbench.dataset import load_dataset, source_video
from smmbench.method import Card
from smmbench.results import (
    Environment,
    MethodFile,
    Request,
    RunRecord,
    find_records,
    method_folder,
    parameters_sha256,
    result_folder,
    write_method,
    write_record,
)
from smmbench.scoring.loop import ScoreLoop
from smmbench.scoring.options import Options
from smmbench.storage.home import file_sha256
from smmbench.video import Video, write_lossless

SAID = {"authors": "A. Toy", "contact": "toy@example.org", "seen": "none"}


def video(seed: int, frames: int = 5) -> Video:
    """Texture with a square that moves 2 pixels a frame."""
    rng = np.random.default_rng(seed)
    content = np.repeat(rng.integers(0, 90, (1, 48, 64, 3), dtype=np.uint8), frames, axis=0)
    for t in range(frames):
        content[t, 10:30, 5 + 2 * t : 25 + 2 * t] = rng.integers(150, 255, 3, dtype=np.uint8)
    return Video(content, fps=8.0)


def write_tiny_moves(folder: Path, text_model: Path) -> Path:
    """Write a dataset `tiny-moves`: two clips with one prompt each, and models that are at hand."""
    text = (
        'name = "tiny-moves"\nversion = 1\ntitle = "T"\ndescription = "D"\nlicence = "CC0-1.0"\n'
        "[protocol]\nframes = 5\nwidth = 64\nheight = 48\nfps = 8\ngrid = 8\n"
        f'text_model = "{text_model.as_posix()}"\n'
    )
    for i, name in enumerate(("a", "b")):
        path = folder / f"{name}.mkv"
        write_lossless(path, video(i))
        text += (
            f'[[clips]]\nname = "{name}"\n'
            f'video = {{ path = "{path.name}", sha256 = "{file_sha256(path)}" }}\n'
            f'pixels_sha256 = "{video(i).pixels_sha256}"\n'
            'licence = "CC0-1.0"\nattribution = "made here"\n'
            '[[clips.edits]]\nname = "dog"\nprompt = "a dog"\n'
        )
    (folder / "tiny.toml").write_text(text)
    return folder / "tiny.toml"


def write_tiny_results(
    root: Path,
    manifest: Path,
    kind: str = "method",
    copy: bool = False,
    change: Callable[[np.ndarray], np.ndarray] = lambda frames: frames,
) -> Path:
    """Results of a method `toy`, scored; give its folder."""
    dataset = load_dataset(manifest)
    card = Card(title="Toy", kind=kind, paper="A paper", licence="MIT", **SAID)
    write_method(method_folder(root, "toy"), MethodFile(label="toy", entry="toy:Toy", card=card))
    for i, clip in enumerate(dataset.manifest.clips):
        output = source_video(dataset, clip) if copy else video(10 + i)
        output = Video(change(output.frames), output.fps)
        request = Request(
            method="toy",
            dataset="tiny-moves",
            dataset_version=1,
            clip=clip.name,
            edit="dog",
            seed=0,
        )
        folder = result_folder(root, request)
        write_lossless(folder / "video.mkv", output)
        write_record(
            folder,
            RunRecord(
                status="done",
                request=request,
                source_sha256=clip.pixels_sha256,
                prompt="a dog",
                entry="toy:Toy",
                parameters={},
                parameters_sha256=parameters_sha256("toy:Toy", {}, {}),
                environment=Environment(device="cpu: toy", python="3.11", packages={}),
                pixels_sha256=output.pixels_sha256,
            ),
        )
    for outcome in ScoreLoop(Options(), [dataset]).run(list(find_records(root))):
        assert not outcome.error
    return root / "toy"
