"""Find and read the video of official code, and reject anything else."""

from __future__ import annotations

import glob
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from smmbench.errors import CommandError
from smmbench.external.recipe.tables import Output
from smmbench.video import Limits, Video, VideoError, read_video

ARRAY_BYTES = 4 * 1024**3  # maximum size of a .npy file


def find_one(pattern: str, what: str) -> Path:
    """Return the single path that matches a pattern.

    Args:
        pattern: An absolute pattern of `glob`; `**` matches any number of folders.
        what: What the path is, for the message.

    Raises:
        CommandError: No path matches, or several do.
    """
    found = sorted(glob.glob(pattern, recursive=True))
    if len(found) == 1:
        return Path(found[0])
    name = Path(pattern).name
    if found:
        names = ", ".join(Path(path).name for path in found[:3])
        raise CommandError(f"One path must match {what}; '{name}' matches {len(found)}: {names}.")
    raise CommandError(f"The commands succeeded, but {what} ('{name}') does not exist.")


def read_output(path: Path, wanted: Output, source: Video) -> Video:
    """Read an output and check it against the clip that was written for the code.

    Args:
        path: A video, a folder of numbered images, or an array.
        wanted: The recipe's description of the output.
        source: The clip that was written for the code.

    Raises:
        CommandError: It cannot be read, has too few frames or another size, or has no picture.
    """
    fps = source.fps
    try:
        frames = (
            _read_array(path)
            if wanted.kind == "array"
            else read_video(path, Limits(), fps=fps if path.is_dir() else None).frames
        )
    except (VideoError, OSError) as error:
        said = str(error).replace(str(path), path.name)
        raise CommandError(f"The output cannot be read: {said}", "decode") from error
    count = wanted.frames or len(source.frames)
    if len(frames) != count:
        few = "few" if len(frames) < count else "many"
        raise CommandError(
            f"The output '{path.name}' has too {few} frames: {len(frames)}, expected {count}.",
            "decode",
        )
    size, expected = frames.shape[2:0:-1], source.frames.shape[2:0:-1]
    if wanted.size == "input" and size != expected:
        raise CommandError(
            f"The output '{path.name}' is {size[0]}x{size[1]}, expected {expected[0]}x"
            f"{expected[1]} as laid out.",
            "decode",
        )
    if frames.min() == frames.max():
        raise CommandError(
            f"The output '{path.name}' is {frames.min()} in every pixel, which is not a picture; "
            "latents that are NaN decode like this.",
            "nan",
        )
    return Video(frames, fps)


def _read_array(path: Path) -> UInt8[np.ndarray, "time height width 3"]:
    """Read a .npy file of bytes, or of numbers from 0 to 1."""
    if path.stat().st_size > ARRAY_BYTES:
        raise VideoError(f"'{path}' has more than {ARRAY_BYTES} bytes.")
    try:
        array = np.load(path, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise VideoError(f"'{path}' is not an array: {error}.") from error
    if not isinstance(array, np.ndarray) or array.ndim != 4 or array.shape[-1] != 3:
        shape = getattr(array, "shape", type(array).__name__)
        raise VideoError(f"'{path}' must be of shape (time, height, width, 3), got {shape}.")
    if 0 in array.shape:
        raise VideoError(f"'{path}' is empty: shape {array.shape}.")
    if array.dtype == np.uint8:
        return array
    if not np.issubdtype(array.dtype, np.floating):
        raise VideoError(f"'{path}' must hold uint8, or numbers from 0 to 1; got {array.dtype}.")
    if not np.isfinite(array).all():
        raise CommandError(f"The output '{path.name}' contains values that are not numbers.", "nan")
    if array.min() < 0 or array.max() > 1:
        raise VideoError(
            f"'{path}' has values from {array.min():g} to {array.max():g}, not 0 to 1."
        )
    return np.round(array * 255).astype(np.uint8)
