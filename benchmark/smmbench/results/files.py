"""Read and write the JSON files of a results folder, atomically and with checks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from smmbench.display import plain
from smmbench.errors import BrokenFileError
from smmbench.results.migration import migrate
from smmbench.results.records import (
    SCHEMA_VERSION,
    Mark,
    MethodFile,
    RunRecord,
    Score,
    ScoreFile,
    StoredVideo,
)
from smmbench.storage.atomic import write_text
from smmbench.storage.strict_json import JsonLimits, UnsafeJsonError, read_bounded, strict_json
from smmbench.video import Video

FileT = TypeVar("FileT", RunRecord, ScoreFile, MethodFile)

RECORD, SCORES, METHOD = "record.json", "scores.json", "method.json"
MEND: dict[type, str] = {
    RunRecord: "Delete it and run the same `smmbench run` again",
    ScoreFile: "`smmbench score` on its folder rewrites it",
    MethodFile: "Delete it and run the same `smmbench run` again; videos are kept",
}


LIMITS: dict[type, JsonLimits] = {
    RunRecord: JsonLimits(size=1 << 20),
    ScoreFile: JsonLimits(size=2 << 20),
    MethodFile: JsonLimits(size=1 << 20),
}
"""Maximum size of a file of a results folder; ours have a few kilobytes."""


def read_record(folder: Path) -> RunRecord | None:
    """Read `record.json` of a result's folder; None if there is none.

    Raises:
        ValueError: The file exists but is not a valid record; the message names it.
    """
    return _read(folder / RECORD, RunRecord)


def write_record(folder: Path, record: RunRecord) -> None:
    """Write `record.json`, the last file of a result: it certifies that the others are complete."""
    _write(folder / RECORD, record)


def read_scores(folder: Path) -> ScoreFile | None:
    """Read `scores.json` of a result's folder; None if there is none.

    Raises:
        ValueError: The file exists but does not contain scores; the message names it.
    """
    return _read(folder / SCORES, ScoreFile)


def scores_of(folder: Path, record: RunRecord) -> dict[str, Score]:
    """Return the scores of the video that a record describes, by metric; empty for a failed run.

    Raises:
        ValueError: The file exists but does not contain scores; the message names it.
    """
    file = of_this_video(read_scores(folder), record)
    return {score.metric: score for score in file.scores} if file else {}


def marks_of(folder: Path, record: RunRecord) -> tuple[Mark, ...]:
    """Marks of exactly the video that a record describes; none of a failed run, or if not measured.

    Raises:
        ValueError: The file exists but does not contain scores; the message names it.
    """
    file = of_this_video(read_scores(folder), record)
    return file.marks if file else ()


def of_this_video(file: ScoreFile | None, record: RunRecord) -> ScoreFile | None:
    """The file if it scores exactly the video that a record describes; else None."""
    same = file is not None and record.status == "done"
    return file if same and file and file.pixels_sha256 == record.pixels_sha256 else None


def write_scores(folder: Path, scores: ScoreFile) -> None:
    """Write `scores.json` next to the video that it scores."""
    _write(folder / SCORES, scores)


def read_method(folder: Path) -> MethodFile | None:
    """Read `method.json` of a method's folder (`results/<method>`); None if there is none.

    Raises:
        ValueError: The file exists but does not describe a method; the message names it.
    """
    return _read(folder / METHOD, MethodFile)


def write_method(folder: Path, method: MethodFile) -> None:
    """Write `method.json` of a method's folder (`results/<method>`)."""
    _write(folder / METHOD, method)


def parse(text: bytes, kind: type[FileT], name: str) -> FileT:
    """Read the content of a file of a results folder, of this schema version or an earlier one.

    Args:
        text: Content of the file, as JSON.
        kind: The expected kind of file.
        name: Name of the file, for the message.

    Raises:
        BrokenFileError: It is not such a file.
        ValueError: It has a later schema version.
    """
    try:
        content = strict_json(text, LIMITS[kind])
        version = _schema_version(content)
        if version > SCHEMA_VERSION:  # checked first, since a later version may have new fields
            raise ValueError(
                f"'{name}' has schema version {version}; this smmbench reads up to "
                f"{SCHEMA_VERSION}. Upgrade smmbench."
            )
        if version < SCHEMA_VERSION:
            text = json.dumps(migrate(content, version, kind)).encode()
        return kind.model_validate_json(text, strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise BrokenFileError(_broken(name, kind, f"{where}: {first['msg']}")) from error
    except UnsafeJsonError as error:
        raise BrokenFileError(_broken(name, kind, str(error))) from error


def _broken(name: str, kind: type, why: str) -> str:
    return f"'{name}' is not a readable {kind.__name__} ({plain(why, 300)})."


def stored_video(video: Video) -> StoredVideo:
    """The form of a video, for its record."""
    frames, height, width = video.frames.shape[:3]
    return StoredVideo(
        frames=frames, width=width, height=height, fps=video.fps, instants=video.instants
    )


def _read(path: Path, kind: type[FileT]) -> FileT | None:
    try:
        text = read_bounded(path, LIMITS[kind])
    except (FileNotFoundError, NotADirectoryError):
        return None
    except UnsafeJsonError as error:
        raise BrokenFileError(f"{_broken(str(path), kind, str(error))} {MEND[kind]}.") from error
    try:
        return parse(text, kind, str(path))
    except BrokenFileError as error:
        raise BrokenFileError(f"{error} {MEND[kind]}.") from error


def _schema_version(content: Any) -> int:
    """The version that a file states."""
    version = content.get("schema_version") if isinstance(content, dict) else None
    if type(version) is not int or version < 1:
        raise UnsafeJsonError("schema_version: it must be an integer of at least 1")
    return version


def _write(path: Path, content: RunRecord | ScoreFile | MethodFile) -> None:
    write_text(path, content.model_dump_json(indent=2) + "\n")
