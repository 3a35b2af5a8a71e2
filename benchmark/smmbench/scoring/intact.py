"""Checks that the scored video still exists: a score without its video does not count."""

from __future__ import annotations

from pathlib import Path

from smmbench.errors import raise_if_machine
from smmbench.results import VIDEO, RunRecord, ScoreFile, VideoFile
from smmbench.storage.home import file_sha256
from smmbench.video import read_video


def video_file(path: Path) -> VideoFile:
    """Identify a file, so that a replacement is detected.

    Raises:
        OSError: There is no such file, or it cannot be read.
    """
    about = path.stat()
    return VideoFile(bytes=about.st_size, mtime_ns=about.st_mtime_ns, sha256=file_sha256(path))


def why_not_intact(folder: Path, record: RunRecord, scores: ScoreFile | None) -> str:
    """Return why a result's video is not the one that was scored; empty if it is.

    A file of the same size and modification time is considered unchanged. A file with another time
    (it was copied) is hashed; if the scores do not identify the scored file, it is decoded.

    Args:
        folder: Folder of the result.
        record: Record of a run that generated a video.
        scores: Its scores; None if it is not scored.

    Raises:
        OSError: The disk is broken, missing or not readable; the video is not at fault.
    """
    path = folder / VIDEO
    scored = scores.video_file if scores is not None else None
    try:
        about = path.stat()
        if scored is None:
            same = read_video(path).pixels_sha256 == record.pixels_sha256
        elif about.st_size != scored.bytes:
            same = False
        else:
            same = about.st_mtime_ns == scored.mtime_ns or file_sha256(path) == scored.sha256
    except FileNotFoundError:
        return "its video is gone"
    except (OSError, ValueError) as error:
        raise_if_machine(error, folder)
        return "its video cannot be read"
    return "" if same else "its video is not the one that was made and scored"
