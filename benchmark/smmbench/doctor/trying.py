"""Practical checks: an import alone does not show that a video opens or an encoder loads."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

from smmbench.doctor.check import Check
from smmbench.plugins import load_offered

EMBEDDED_MODEL = "emoji"
EXTRAS = {"peft": ("tuned", "the method motion-director"), "ray": ("ray", "--executor ray")}
"""Optional packages, with the extra that installs them and their use."""


def video() -> Iterator[Check]:
    """Write a lossless video and check that it reads back with the same pixels."""
    from smmbench.video import Video, read_video, write_lossless

    frames = np.random.default_rng(0).integers(0, 256, (3, 16, 24, 3), dtype=np.uint8)
    mend = "Install the PyAV wheel from PyPI: pip install --force-reinstall 'av<19'"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tried.mkv"
        try:
            write_lossless(path, Video(frames, 8.0))
            same = np.array_equal(read_video(path).frames, frames)
        except Exception as error:  # another version of the library may raise anything
            reason = f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
            yield Check("video", "broken", reason, mend, needed=True)
            return
    if same:
        yield Check("video", "works", "one was written and read back, pixel for pixel", needed=True)
    else:
        yield Check("video", "broken", "one came back with other pixels", mend, needed=True)


def text_encoder() -> Iterator[Check]:
    """Check that the embedded model's text encoder loads and encodes a prompt."""
    name = f"text encoder {EMBEDDED_MODEL}"
    mend = "Run `pip install --upgrade transformers`: this version may not read these weights."
    try:
        import torch

        from smmbench.diffusion.loading import load_text
        from smmbench.diffusion.model_index import read_layout

        folder = Path(load_offered("smmbench.models", EMBEDDED_MODEL, "model")())
        text = load_text(read_layout(folder), torch.float32, "cpu")
        tokens, width = text.embed(["a red fish"], torch.device("cpu")).shape[1:]
    except Exception as error:  # another version of the library may raise anything
        reason = f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
        yield Check(name, "broken", reason, mend, needed=True)
        return
    yield Check(name, "works", f"encodes {tokens} tokens as {width} numbers each", needed=True)


def extras() -> Iterator[Check]:
    """Check optional packages."""
    for package, (extra, use) in EXTRAS.items():
        name = f"package {package}"
        try:
            yield Check(name, "works", f"{version(package)}; for {use}")
        except PackageNotFoundError:
            mend = f'pip install "smmbench[{extra}]"'
            yield Check(name, "not here", f"only {use} needs it", mend)
