"""Opening a submission that was unpacked: every file is the listed one, and says what it is."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from smmbench.results import VIDEO, MethodFile, RunRecord, ScoreFile, Stored, parse
from smmbench.results.files import METHOD, RECORD, SCORES
from smmbench.scoring.counting import Key
from smmbench.storage.home import file_sha256
from smmbench_leaderboard.board.reading import key_of
from smmbench_leaderboard.submission.packing import (
    MANIFEST,
    SUBMISSION_SCHEMA,
    Submission,
    pair_folder,
)

FileT = TypeVar("FileT", MethodFile, RunRecord, ScoreFile)


class Content(Stored):
    """A submission that was unpacked and read: every file is the listed one."""

    submission: Submission
    method: MethodFile
    records: dict[Key, RunRecord]
    claims: dict[Key, ScoreFile]


class Refused(ValueError):
    """A submission goes no further: each argument is a sentence that says why."""


def open_submission(folder: Path, names: list[str]) -> Content:
    """Read what was unpacked.

    Args:
        folder: Where it was unpacked.
        names: Of all files, as `unpack` gave them.

    Raises:
        Refused: A file is not listed, not there, changed, not readable, or does not belong.
    """
    if MANIFEST not in names:
        raise Refused(f"There is no {MANIFEST}: this is not a submission of smmbench.")
    submission = _manifest(folder / MANIFEST)
    if submission.schema_version != SUBMISSION_SCHEMA:
        raise Refused(
            f"It has schema version {submission.schema_version}; this smmbench reads "
            f"{SUBMISSION_SCHEMA}. Pack it again with this version, or install the one it needs."
        )
    listed = [file.path for file in submission.files]
    expected = sorted(set(names) - {MANIFEST})
    if sorted(listed) != expected:
        twice = {name for name in listed if listed.count(name) > 1}
        odd = sorted(set(listed) ^ set(expected) | twice)
        raise Refused(f"List and content differ: {', '.join(map(repr, odd[:5]))}.")
    changed = [
        f"'{file.path}' is not the listed file: its SHA-256 differs."
        for file in submission.files
        if file_sha256(folder / file.path) != file.sha256
    ]
    if changed:
        raise Refused(*changed)
    return _content(folder, submission, listed)


def _content(folder: Path, submission: Submission, names: list[str]) -> Content:
    """Read the card, the records and the claims; every file must be one of theirs."""
    if METHOD not in names:
        raise Refused(f"There is no {METHOD}.")
    records: dict[Key, RunRecord] = {}
    claims: dict[Key, ScoreFile] = {}
    known = {METHOD}
    for place in sorted({str(Path(name).parent) for name in names if name != METHOD}):
        if f"{place}/{RECORD}" not in names:
            raise Refused(f"'{place}' has no {RECORD}.")
        record = _parse(folder / place / RECORD, RunRecord)
        key = key_of(record)
        if pair_folder(key) != place:
            raise Refused(f"'{place}' holds the record of another pair: '{pair_folder(key)}'.")
        records[key] = record
        known |= {f"{place}/{RECORD}", f"{place}/{VIDEO}"}
        if f"{place}/{SCORES}" in names:
            claims[key] = _parse(folder / place / SCORES, ScoreFile)
            known.add(f"{place}/{SCORES}")
    if odd := sorted(set(names) - known):
        raise Refused(f"Files that do not belong: {', '.join(map(repr, odd[:5]))}.")
    method = _parse(folder / METHOD, MethodFile)
    return Content(submission=submission, method=method, records=records, claims=claims)


def _parse(path: Path, kind: type[FileT]) -> FileT:
    """One file of a result, of this schema version or an earlier one."""
    try:
        return parse(path.read_bytes(), kind, path.name)
    except ValueError as error:
        raise Refused(f"In '{path.parent.name}': {error}") from error


def _manifest(path: Path) -> Submission:
    try:
        return Submission.model_validate_json(path.read_bytes())
    except (ValidationError, RecursionError) as error:
        reason = error.errors()[0]["msg"] if isinstance(error, ValidationError) else "too deep"
        raise Refused(f"'{path.name}' is not a readable manifest: {reason}.") from error
