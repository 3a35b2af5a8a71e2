"""Write a clip and a request to files."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.frame import VideoFrame
from PIL import Image

from smmbench.errors import CommandError, raise_if_machine
from smmbench.external.recipe.placeholders import in_content, in_text
from smmbench.external.recipe.tables import FileOf, Input
from smmbench.video import Video, write_lossless


def write_source(video: Video, wanted: Input, folder: Path) -> Path:
    """Write a clip in the form returned by `fit_source`; return the path of the file or folder.

    A video is lossless and stays RGB: H.264 without quantisation in mp4, FFV1 in mkv. Readers
    that use FFmpeg see exactly the same pixels.
    """
    path = folder / wanted.name
    if wanted.kind == "frames":
        path.mkdir(parents=True)
        for number, frame in enumerate(video.frames, start=wanted.first):
            Image.fromarray(frame).save(path / (wanted.pattern % number))
        return path
    folder.mkdir(parents=True, exist_ok=True)
    said = Video(video.frames, wanted.fps or video.fps)
    if path.suffix == ".mkv":
        write_lossless(path, said)
    else:
        _write_mp4(path, said)
    return path


def write_files(
    files: Iterable[FileOf], values: Mapping[str, Any], folders: Iterable[Path], repo: Path
) -> None:
    """Write a step's files with placeholders replaced.

    Args:
        files: The files, as stated in the recipe.
        values: Value of each placeholder.
        folders: Folders in which files may be written.
        repo: The call's copy of the repository, for files that change one of its own.

    Raises:
        CommandError: A path leads outside these folders, or cannot be written.
    """
    within = [folder.resolve() for folder in folders]
    for file in files:
        path = Path(in_text(file.path, values))
        if not any(path.resolve().is_relative_to(folder) for folder in within):
            raise CommandError(f"The recipe's file '{file.path}' is outside the run's folders.")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(_text(file, values, repo), encoding="utf-8")
        except (OSError, ValueError) as error:
            raise_if_machine(error)
            raise CommandError(f"The recipe's file '{file.path}' cannot be written: {error}") from (
                error
            )


def _text(file: FileOf, values: Mapping[str, Any], repo: Path) -> str:
    import yaml

    content = in_content(file.content, values)
    if file.base:
        try:
            base = yaml.safe_load((repo / file.base).read_text("utf-8"))
        except yaml.YAMLError as error:
            raise ValueError(f"'{file.base}' of the repository is not YAML: {error}") from error
        content = _changed(base, content)
    if file.form == "json":
        return json.dumps(content, ensure_ascii=False) + "\n"
    if file.form == "yaml":
        return str(yaml.safe_dump(content, allow_unicode=True, sort_keys=False))
    return str(content)


def _changed(base: Any, content: Any) -> Any:
    """Update `base` with `content`: tables are updated key by key, everything else is replaced."""
    if not (isinstance(base, dict) and isinstance(content, dict)):
        return content
    return base | {key: _changed(base.get(key), value) for key, value in content.items()}


def _write_mp4(path: Path, video: Video) -> None:
    with av.open(str(path), "w", format="mp4") as container:
        rate = Fraction(video.fps).limit_denominator(10_000)
        stream = container.add_stream("libx264rgb", rate=rate, options={"qp": "0"})
        stream.height, stream.width = video.frames.shape[1:3]
        stream.pix_fmt = "rgb24"
        stream.thread_count = 1
        for t, image in enumerate(video.frames):
            frame = VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
            frame.pts = t
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
