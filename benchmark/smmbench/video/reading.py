"""Read videos of all supported kinds to upright 8-bit RGB with square pixels."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from smmbench.errors import VideoError
from smmbench.video.decoding import decode_file
from smmbench.video.images import read_images
from smmbench.video.limits import Limits
from smmbench.video.normal import (
    NormalForm,
    centred,
    frames_at,
    normal_form,
    resizing_note,
)
from smmbench.video.types import Video
from smmbench.video.wanted import Images, Wanted

__all__ = ["Limits", "read_normal_form", "read_video"]


def read_video(path: Path | str, limits: Limits | None = None, fps: float | None = None) -> Video:
    """Read a video file (mp4, mov, mkv, webm, gif, avi, mpg) or a folder of numbered images.

    The result is what a player shows. Pictures that no player shows (those that an edit list
    leaves out, leading pictures of a stream that was cut without encoding, references of VP8 and
    VP9) are left out here too. A cut file is an error and never a shorter video. So is a file that
    does not state where it ends (a live recording), or of whose displayed pictures any is damaged.
    The following is converted, and each conversion is listed in `Video.notes`:

    - more than 8 bits: rounded to 8, as ffmpeg does;
    - a rotation or mirroring flag: applied;
    - transparency: composited over black, or left out where it is a second picture (WebM);
    - pixels that are not square: the shorter side is stretched;
    - interlaced fields: deinterlaced;
    - high dynamic range or a wide gamut: read as it is;
    - a variable frame rate: every frame is kept with its time in `Video.instants`.

    Colours match those of the ffmpeg command line: BT.601 or BT.709 and full or limited range as
    the file states, BT.601 and limited range if it states neither.

    Args:
        path: The file or the folder.
        limits: The largest video that is read, by default `Limits.from_environment()`.
        fps: Frames per second of a folder, by default 8; a file states its own.

    Raises:
        VideoError: It cannot be read; the message says why and what to do.
    """
    path, limits = _checked(Path(path), fps), limits or Limits.from_environment()
    if path.is_dir():
        return read_images(path, limits, fps)
    return decode_file(path, limits)


def read_normal_form(
    path: Path | str,
    form: NormalForm,
    limits: Limits | None = None,
    fps: float | None = None,
    shorter: bool = False,
    start: int = 0,
) -> Video:
    """Read only what the normal form of a video needs: the same as `normal_form(read_video())`.

    Reading stops where the normal form ends, and frames are resized as they are decoded, so that
    the cost of a long or large video depends only on what is used. Later damage is not detected.

    Args:
        path: The file or the folder.
        form: The required form.
        limits: As in `read_video`; they apply to what is kept.
        fps: Frames per second of a folder, by default those of the form, frame for frame.
        shorter: Whether a video may end before the form does; the result then has fewer frames.
        start: Number of the first frame to read, counted from 0.

    Raises:
        VideoError: It cannot be read or is too short; the message says why and what to do.
    """
    path, limits = _checked(Path(path), fps), limits or Limits.from_environment()
    sizes: list[tuple[int, int]] = []  # width and height of each frame before it is resized

    def finish(images: Images) -> Images:
        sizes.append((images.shape[2], images.shape[1]))
        return centred(images, form)

    wanted = Wanted((form.frames - 1) / form.fps, start, finish)
    if path.is_dir():
        read = read_images(path, limits, fps or form.fps, wanted)
    else:
        read = decode_file(path, limits, wanted)
    frames = min(form.frames, frames_at(read, form.fps)) if shorter else form.frames
    try:
        video = normal_form(read, replace(form, frames=frames))
    except VideoError as error:
        raise VideoError(f"'{path}': {error}") from error
    if sizes[0] == (form.width, form.height):
        return video
    return replace(video, notes=(*video.notes, resizing_note(*sizes[0], form)))


def _checked(path: Path, fps: float | None) -> Path:
    if fps is not None and not fps > 0:
        raise VideoError(f"The frame rate must be above 0, got {fps}.")
    if not path.exists():
        raise VideoError(f"No video '{path}': there is no such file or folder.")
    if not (path.is_dir() or path.is_file()):
        raise VideoError(f"'{path}' is neither a file nor a folder (a device or a pipe).")
    return path
