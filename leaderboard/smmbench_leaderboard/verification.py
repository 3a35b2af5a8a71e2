"""Checking a submission: nothing in it is believed, and every score is computed anew."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import Field, ValidationError

from smmbench.dataset import Dataset, load_dataset
from smmbench.home import file_sha256
from smmbench.results import MethodFile, RunRecord, ScoreFile, Stored
from smmbench.results.files import METHOD, RECORD, SCORES
from smmbench_leaderboard.archive import ArchiveError, Limits, unpack
from smmbench_leaderboard.board import manifest_sha256
from smmbench_leaderboard.checks import check_records, check_videos
from smmbench_leaderboard.reading import Key, expected_pairs
from smmbench_leaderboard.recomputing import Claim, recompute
from smmbench_leaderboard.submission import (
    MANIFEST,
    SUBMISSION_SCHEMA,
    Submission,
    pair_folder,
)
from smmbench_leaderboard.types import Board

TOLERANCE = 1e-6  # on the machine that made the claim; other hardware moves the last digits

FileT = TypeVar("FileT", Submission, MethodFile, RunRecord, ScoreFile)


class Report(Stored):
    """What was found.

    Attributes:
        verdict: `verified`: it is what it says. `differs`: sound, but scores are not the claimed
            ones. `refused`: something in it is not what it says.
        archive_sha256: Of the file that was checked.
        submission: What it says of itself; None if that could not be read.
        problems: Why it is refused, one sentence each.
        warnings: What a reader should know.
        claims: Claimed and recomputed number of each score that was claimed.
        tolerance: Up to which difference a claim counts as the same number.
        largest_difference: Of all claims; None without claims.
        board: Recomputed scores; None if it came to none.
    """

    verdict: Literal["verified", "differs", "refused"]
    archive_sha256: str
    submission: Submission | None = None
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    claims: tuple[Claim, ...] = ()
    tolerance: float = Field(default=TOLERANCE, ge=0)
    largest_difference: float | None = None
    board: Board | None = None


class Content(Stored):
    """A submission that was unpacked and read: every file is the listed one."""

    submission: Submission
    method: MethodFile
    records: dict[Key, RunRecord]
    claims: dict[Key, ScoreFile]


class Refused(ValueError):
    """A submission goes no further: each argument is a sentence that says why."""


def verify(
    path: Path,
    dataset: str | None = None,
    device: str = "cpu",
    tolerance: float = TOLERANCE,
    limits: Limits | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> Report:
    """Check a submission and recompute its scores.

    Args:
        path: The archive.
        dataset: Manifest path of a dataset that is not installed; None: the one it names.
        device: Where metrics compute.
        tolerance: Up to which difference a claimed number counts as the same.
        limits: How much the archive may unpack to.
        progress: Called with a word on each step.

    Raises:
        LookupError: Its dataset is not here.
        OSError: The file cannot be read.
    """
    digest = file_sha256(path)
    with tempfile.TemporaryDirectory(prefix="smmbench-verify-") as name:
        folder = Path(name) / "submission"
        folder.mkdir()
        progress("unpacking")
        try:
            content = _read(folder, unpack(path, folder, limits))
        except (ArchiveError, Refused) as error:
            return Report(
                verdict="refused",
                archive_sha256=digest,
                problems=tuple(str(reason) for reason in error.args),
            )
        return _judge(
            folder,
            content,
            digest,
            _dataset(content.submission, dataset),
            device,
            tolerance,
            progress,
        )


def _judge(
    folder: Path,
    content: Content,
    digest: str,
    dataset: Dataset,
    device: str,
    tolerance: float,
    progress: Callable[[str], None],
) -> Report:
    """Judge what was unpacked: first what it says, then its pixels, then its numbers."""
    submission = content.submission
    problems = _dataset_problems(submission, dataset)
    if not problems:
        problems = check_records(submission, content.method, content.records, dataset)
    warnings: list[str] = []
    if not problems:
        progress("decoding")
        control = content.method.card.kind == "control"
        problems, warnings = check_videos(folder, content.records, dataset, control)
    if problems:
        return Report(
            verdict="refused",
            archive_sha256=digest,
            submission=submission,
            problems=tuple(problems),
            warnings=tuple(warnings),
        )
    progress("scoring")
    recomputed = recompute(folder, content.method, content.records, content.claims, dataset, device)
    differences = [claim.difference for claim in recomputed.claims]
    same = all(difference <= tolerance for difference in differences)
    if not content.claims:
        warnings.append("It claims no scores; they were only computed.")
    return Report(
        verdict="verified" if same else "differs",
        archive_sha256=digest,
        submission=submission,
        warnings=(*warnings, *recomputed.warnings, *_coverage_warnings(submission)),
        claims=recomputed.claims,
        tolerance=tolerance,
        largest_difference=max(differences, default=None),
        board=recomputed.board,
    )


def _read(folder: Path, names: list[str]) -> Content:
    """Read what was unpacked; the list must name every file, and only those that are there."""
    if MANIFEST not in names:
        raise Refused(f"There is no {MANIFEST}: this is not a submission of smmbench.")
    submission = _parse(folder / MANIFEST, Submission)
    if submission.schema_version != SUBMISSION_SCHEMA:
        raise Refused(
            f"It has schema version {submission.schema_version}; this smmbench reads "
            f"{SUBMISSION_SCHEMA}. Pack it again with this version, or install the one it needs."
        )
    listed = [file.path for file in submission.files]
    expected = sorted(set(names) - {MANIFEST})
    if sorted(listed) != expected:
        odd = sorted(set(listed) ^ set(expected)) or sorted(
            {n for n in listed if listed.count(n) > 1}
        )
        raise Refused(f"List and content differ: {', '.join(map(repr, odd[:5]))}.")
    changed = [
        f"'{file.path}' is not the listed file: its SHA-256 differs."
        for file in submission.files
        if file_sha256(folder / file.path) != file.sha256
    ]
    if changed:
        raise Refused(*changed)
    if METHOD not in names:
        raise Refused(f"There is no {METHOD}.")
    records: dict[Key, RunRecord] = {}
    claims: dict[Key, ScoreFile] = {}
    known = {METHOD}
    for place in sorted({str(Path(name).parent) for name in listed if name != METHOD}):
        if f"{place}/{RECORD}" not in names:
            raise Refused(f"'{place}' has no {RECORD}.")
        record = _parse(folder / place / RECORD, RunRecord)
        key = (record.request.clip, record.request.edit, record.request.seed)
        if pair_folder(key) != place:
            raise Refused(f"'{place}' holds the record of another pair: '{pair_folder(key)}'.")
        records[key] = record
        known |= {f"{place}/{RECORD}", f"{place}/video.mkv"}
        if f"{place}/{SCORES}" in names:
            claims[key] = _parse(folder / place / SCORES, ScoreFile)
            known.add(f"{place}/{SCORES}")
    if odd := sorted(set(listed) - known):
        raise Refused(f"Files that do not belong: {', '.join(map(repr, odd[:5]))}.")
    method = _parse(folder / METHOD, MethodFile)
    return Content(submission=submission, method=method, records=records, claims=claims)


def _parse(path: Path, kind: type[FileT]) -> FileT:
    try:
        return kind.model_validate_json(path.read_bytes())
    except (ValidationError, RecursionError) as error:
        reason = error.errors()[0]["msg"] if isinstance(error, ValidationError) else "too deep"
        raise Refused(
            f"'{path.name}' of '{path.parent.name}' is not readable: {reason}."
        ) from error


def _dataset(submission: Submission, chosen: str | None) -> Dataset:
    """The dataset as it is here: a submission names one, never a path."""
    return load_dataset(chosen or submission.dataset)


def _dataset_problems(submission: Submission, dataset: Dataset) -> list[str]:
    manifest = dataset.manifest
    if (submission.dataset, submission.dataset_version) != (manifest.name, manifest.version):
        return [
            f"It is of '{submission.dataset}' version {submission.dataset_version}; here is "
            f"'{manifest.name}' version {manifest.version}."
        ]
    problems = []
    if submission.dataset_sha256 != manifest_sha256(dataset):
        problems.append(
            f"Its '{manifest.name}' has another manifest than the one here, though both are "
            f"version {manifest.version}."
        )
    if submission.protocol != manifest.protocol:
        problems.append(f"Its protocol is not that of '{manifest.name}'.")
    return problems


def _coverage_warnings(submission: Submission) -> list[str]:
    warnings = []
    if submission.partial:
        warnings.append(f"Partial: {submission.missing} missing pairs count as worst.")
    if submission.failed:
        warnings.append(f"{submission.failed} failed pairs count as worst.")
    return warnings


__all__ = ["Content", "Report", "expected_pairs", "verify"]
