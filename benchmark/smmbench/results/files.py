"""Reading and writing the JSON files of a results folder: whole, checked, or a clear error."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from smmbench.results.records import SCHEMA_VERSION, MethodFile, RunRecord, Score, ScoreFile
from smmbench.storage.atomic import write_text

FileT = TypeVar("FileT", RunRecord, ScoreFile, MethodFile)

RECORD, SCORES, METHOD = "record.json", "scores.json", "method.json"
MEND: dict[type, str] = {
    RunRecord: "Delete it and run the same `smmbench run` again",
    ScoreFile: "`smmbench score` on its folder writes it anew",
    MethodFile: "Delete it and run the same `smmbench run` again; videos stay as they are",
}


class BrokenFileError(ValueError):
    """A file of a results folder is not what its name says, in no version that is known here."""


def read_record(folder: Path) -> RunRecord | None:
    """Read `record.json` of a result's folder; None where there is none.

    Raises:
        ValueError: The file is there but is not a record; the message names it.
    """
    return _read(folder / RECORD, RunRecord)


def write_record(folder: Path, record: RunRecord) -> None:
    """Write `record.json`: the last file of a result, for it says that the others are whole."""
    _write(folder / RECORD, record)


def read_scores(folder: Path) -> ScoreFile | None:
    """Read `scores.json` of a result's folder; None where there is none.

    Raises:
        ValueError: The file is there but does not hold scores; the message names it.
    """
    return _read(folder / SCORES, ScoreFile)


def scores_of(folder: Path, record: RunRecord) -> dict[str, Score]:
    """Scores of the very video that a record tells of, by metric; none of a failed run.

    Raises:
        ValueError: The file is there but does not hold scores; the message names it.
    """
    file = read_scores(folder)
    if file is None or record.status != "done" or file.pixels_sha256 != record.pixels_sha256:
        return {}
    return {score.metric: score for score in file.scores}


def write_scores(folder: Path, scores: ScoreFile) -> None:
    """Write `scores.json` beside the video it scores."""
    _write(folder / SCORES, scores)


def read_method(folder: Path) -> MethodFile | None:
    """Read `method.json` of a method's folder (`results/<method>`); None where there is none.

    Raises:
        ValueError: The file is there but does not describe a method; the message names it.
    """
    return _read(folder / METHOD, MethodFile)


def write_method(folder: Path, method: MethodFile) -> None:
    """Write `method.json` of a method's folder (`results/<method>`)."""
    _write(folder / METHOD, method)


def _read(path: Path, kind: type[FileT]) -> FileT | None:
    try:
        text = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    version = _schema_version(text)
    if version > SCHEMA_VERSION:  # asked first: a later version may have fields of its own
        raise ValueError(
            f"'{path}' has schema version {version}; this smmbench reads up to "
            f"{SCHEMA_VERSION}. Upgrade smmbench."
        )
    try:
        return kind.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise BrokenFileError(
            f"'{path}' is not a readable {kind.__name__} ({where}: {first['msg']}). {MEND[kind]}."
        ) from error


def _schema_version(text: bytes) -> int:
    """What a file says of its version; 0 where it says nothing."""
    try:
        version = json.loads(text)["schema_version"]
    except (ValueError, KeyError, TypeError):
        return 0
    return version if isinstance(version, int) else 0


def _write(path: Path, content: RunRecord | ScoreFile | MethodFile) -> None:
    write_text(path, content.model_dump_json(indent=2) + "\n")
