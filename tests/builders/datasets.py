"""Small videos, and datasets of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from smmbench.storage.home import file_sha256
from smmbench.video import Video, write_lossless


def square_in_motion() -> Video:
    """A white square that moves 3 pixels a frame to the right over a textured ground."""
    rng = np.random.default_rng(0)
    ground = rng.integers(0, 90, (64, 96, 3), dtype=np.uint8)
    frames = np.repeat(ground[None], 8, axis=0)
    for t in range(8):
        frames[t, 20:40, 10 + 3 * t : 30 + 3 * t] = 250
    return Video(frames, fps=8.0)


def write_noise_dataset(folder: Path) -> Path:
    """Write `small-noise`: 3 clips of 4 tiny frames, 2 prompts each, 1 seed."""
    rng = np.random.default_rng(0)
    text = (
        'name = "small-noise"\nversion = 1\ntitle = "T"\ndescription = "D"\nlicence = "CC0-1.0"\n'
        "[protocol]\nframes = 4\nwidth = 24\nheight = 16\nfps = 8\n"
        'text_model = "none"\n'
    )
    for name in ("a", "b", "c"):
        video = Video(rng.integers(0, 256, (4, 16, 24, 3), dtype=np.uint8), fps=8.0)
        path = folder / f"{name}.mkv"
        write_lossless(path, video)
        text += (
            f'[[clips]]\nname = "{name}"\nprompt = "clip {name}"\n'
            f'video = {{ path = "{path.name}", sha256 = "{file_sha256(path)}" }}\n'
            f'pixels_sha256 = "{video.pixels_sha256}"\n'
            'licence = "CC0-1.0"\nattribution = "made here"\n'
        )
        for edit in ("dog", "cat"):
            text += f'[[clips.edits]]\nname = "{edit}"\nprompt = "a {edit} like {name}"\n'
    manifest = folder / "small.toml"
    manifest.write_text(text)
    return manifest


def write_square_dataset(folder: Path, moving_square: Video) -> Path:
    """Write `squares`: two clips, shipped beside the manifest: `right` (two edits) and `left`."""
    lines = [
        'name = "squares"\nversion = 1\ntitle = "Moving squares"\ndescription = "For tests."',
        'licence = "CC0-1.0"',
        "[protocol]\nframes = 8\nwidth = 96\nheight = 64\nfps = 8",
        'text_model = "emoji-clip"\ngrid = 12',
    ]
    edits = {"right": ("cat", "dog"), "left": ("cat",)}
    for clip, names in edits.items():
        frames = moving_square.frames if clip == "right" else moving_square.frames[:, :, ::-1]
        video = Video(np.ascontiguousarray(frames), fps=8.0)
        write_lossless(folder / f"{clip}.mkv", video)
        lines += [
            f'[[clips]]\nname = "{clip}"\nlicence = "CC0-1.0"\nattribution = "nobody"',
            f'pixels_sha256 = "{video.pixels_sha256}"',
            f'video = {{ path = "{clip}.mkv", sha256 = "{file_sha256(folder / f"{clip}.mkv")}" }}',
            *(f'[[clips.edits]]\nname = "{name}"\nprompt = "a {name} runs"' for name in names),
        ]
    manifest = folder / "squares.toml"
    manifest.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return manifest
