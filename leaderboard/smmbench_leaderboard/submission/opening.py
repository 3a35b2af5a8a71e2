"""Open an unpacked submission, and check that every file is the listed one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from smmbench.dataset import Dataset
from smmbench.display import plain
from smmbench.results import VIDEO, MethodFile, RunRecord, ScoreFile, Stored, parse
from smmbench.results.files import METHOD, RECORD, SCORES
from smmbench.scoring.counting import Key, protocol_pairs
from smmbench.storage.home import file_sha256
from smmbench.storage.strict_json import JsonLimits, UnsafeJsonError, strict_json
from smmbench_leaderboard.board.reading import key_of
from smmbench_leaderboard.submission.packing import (
    MANIFEST,
    SUBMISSION_SCHEMA,
    Submission,
    pair_folder,
)

MOST = 20  # problems of one kind that are named

FileT = TypeVar("FileT", MethodFile, RunRecord, ScoreFile)


class Content(Stored):
    """A submission that was unpacked and read: every file is the listed one.

    `claims` says which pairs have claimed scores; they are read one at a time by `claims_of`.
    """

    submission: Submission
    method: MethodFile
    records: dict[Key, RunRecord]
    claims: frozenset[Key]


class Refused(ValueError):
    """A submission is rejected: each argument is a sentence that states why."""


def read_list(text: bytes) -> Submission:
    """Read the list of an archive's files, `manifest.json`.

    Raises:
        Refused: It is not such a list, or its schema version is not supported.
    """
    submission = _manifest(text)
    if submission.schema_version != SUBMISSION_SCHEMA:
        raise Refused(
            f"It has schema version {submission.schema_version}; this smmbench reads "
            f"{SUBMISSION_SCHEMA}. Pack it again with this version, or install the one it needs."
        )
    return submission


def check_names(submission: Submission, names: Collection[str], dataset: Dataset) -> None:
    """Reject an archive whose files differ from its list or from the pairs of the dataset.

    Args:
        submission: List of the archive.
        names: Names of all its files.
        dataset: The dataset.

    Raises:
        Refused: List and content differ, or a file does not belong to a submission to this dataset.
    """
    listed = Counter(file.path for file in submission.files)
    content = set(names) - {MANIFEST}
    if set(listed) != content or len(listed) != len(submission.files):
        twice = {name for name, count in listed.items() if count > 1}
        odd = sorted(set(listed) ^ content | twice)
        raise Refused(f"List and content differ: {_some(odd)}.")
    places = {pair_folder(key) for key in protocol_pairs(dataset)}
    known = {METHOD} | {f"{place}/{name}" for place in places for name in (RECORD, VIDEO, SCORES)}
    if odd := sorted(content - known):
        raise Refused(
            f"{len(odd)} files do not belong to a submission to '{submission.dataset}': "
            f"{_some(odd)}."
        )
    records = {f"{Path(name).parent}/{RECORD}" for name in content - {METHOD}}
    if lacking := sorted(({METHOD} | records) - content):
        raise Refused(f"There is no {_some(lacking)}.")


def open_submission(folder: Path, submission: Submission) -> Content:
    """Read what was unpacked.

    Args:
        folder: Folder of the unpacked archive.
        submission: List of the archive, checked by `check_names`.

    Raises:
        Refused: A file was changed, cannot be read, or is of another pair.
    """
    changed = [
        f"'{file.path}' is not the listed file: its SHA-256 differs."
        for file in submission.files
        if (folder / file.path).stat().st_size != file.size
        or file_sha256(folder / file.path) != file.sha256
    ]
    if changed:
        raise Refused(*changed[:MOST])
    records: dict[Key, RunRecord] = {}
    claims: set[Key] = set()
    for name in sorted(file.path for file in submission.files):
        if Path(name).name == RECORD:
            place = str(Path(name).parent)
            record = _parse((folder / name).read_bytes(), RunRecord, name)
            key = key_of(record)
            if pair_folder(key) != place:
                raise Refused(f"'{place}' holds the record of another pair: '{pair_folder(key)}'.")
            records[key] = record
            if (folder / place / SCORES).is_file():
                claims.add(key)
    method = _parse((folder / METHOD).read_bytes(), MethodFile, METHOD)
    return Content(submission=submission, method=method, records=records, claims=frozenset(claims))


def claims_of(folder: Path, key: Key) -> ScoreFile:
    """Read the claimed scores of one pair; raises `Refused` if they cannot be read."""
    name = f"{pair_folder(key)}/{SCORES}"
    return _parse((folder / name).read_bytes(), ScoreFile, name)


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(f"'{plain(name, 100)}'" for name in names[:5]) + more


def _parse(text: bytes, kind: type[FileT], name: str) -> FileT:
    """Read one file of a result, of this schema version or an earlier one."""
    try:
        return parse(text, kind, name)
    except ValueError as error:
        raise Refused(plain(str(error), 400)) from error


def _manifest(text: bytes) -> Submission:
    try:
        strict_json(text, JsonLimits(size=max(len(text), 1)))
        return Submission.model_validate_json(text, strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        reason = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    except UnsafeJsonError as error:
        reason = str(error)
    raise Refused(f"'{MANIFEST}' is not a readable manifest ({plain(reason, 300)}).")
