"""Verify a submission: nothing in it is trusted, and every score is recomputed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from pydantic import Field

from smmbench.dataset import Dataset, dataset_names, load_dataset
from smmbench.display import plain
from smmbench.plugins import no_such
from smmbench.results import Stored
from smmbench.storage.home import file_sha256
from smmbench_leaderboard.board.build import manifest_sha256
from smmbench_leaderboard.board.types import Board
from smmbench_leaderboard.submission.archive import ArchiveError, Limits, names_and_file, unpack
from smmbench_leaderboard.submission.bounds import STATED
from smmbench_leaderboard.submission.checks import check_records, check_videos
from smmbench_leaderboard.submission.claims import Claim
from smmbench_leaderboard.submission.matroska import LARGER
from smmbench_leaderboard.submission.opening import (
    Content,
    Refused,
    check_names,
    open_submission,
    read_list,
)
from smmbench_leaderboard.submission.packing import MANIFEST, Submission
from smmbench_leaderboard.submission.workspace import workspace

TOLERANCE = 1e-6  # on the machine of the claim; other hardware changes the last digits

Verdict = Literal["verified", "differs", "unscored", "refused"]


class Report(Stored):
    """The result of a verification.

    Attributes:
        verdict: `verified`: everything matches. `differs`: its videos are valid, but their
            recomputed scores differ. `unscored`: valid, but not every score can be computed here.
            `refused`: something in it does not match.
        archive_sha256: SHA-256 of the checked file.
        submission: Manifest of the archive; None if it could not be read.
        problems: Why it is refused, one sentence each.
        warnings: What a reader should know.
        claims: Claimed and recomputed number of each claimed score.
        tolerance: Maximum difference at which a claim counts as equal.
        largest_difference: Largest difference of all claims; None without claims.
        board: Recomputed scores; None if there are none.
    """

    verdict: Verdict
    archive_sha256: str
    submission: Submission | None = None
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    claims: tuple[Claim, ...] = ()
    tolerance: float = Field(default=TOLERANCE, ge=0)
    largest_difference: float | None = None
    board: Board | None = None


def verify(
    path: Path,
    dataset: str | None = None,
    device: str = "cpu",
    tolerance: float = TOLERANCE,
    limits: Limits | None = None,
    metrics: Sequence[str] = (),
    progress: Callable[[str], None] = lambda _: None,
) -> Report:
    """Check a submission and recompute its scores.

    Args:
        path: The archive.
        dataset: Manifest path of a dataset that is not installed; None for the one it names.
        device: Device of the metrics.
        tolerance: Maximum difference at which a claimed number counts as equal.
        limits: Limits of what the archive unpacks to.
        metrics: Metrics to compute besides those that are always computed.
        progress: Called with a short description of each step.

    Raises:
        LookupError: The named dataset is not installed.
        ValueError: There is no such file.
    """
    if not path.is_file():
        raise ValueError(f"No file '{path}'. `smmbench submit results/NAME` makes a submission.")
    digest = file_sha256(path)
    here = None if dataset is None else load_dataset(dataset)
    with workspace() as place:
        folder = place / "submission"
        folder.mkdir()
        progress("unpacking")
        try:
            names, text = names_and_file(path, MANIFEST, limits)
            submission = read_list(text)
            here = here or _dataset(submission)
            check_names(submission, names, here)
            unpack(path, folder, _limits(here, limits))
            content = open_submission(folder, submission)
        except (ArchiveError, Refused) as error:
            return Report(
                verdict="refused",
                archive_sha256=digest,
                problems=tuple(str(reason) for reason in error.args),
            )
        return _judge(folder, content, digest, here, device, tolerance, metrics, progress)


def _judge(
    folder: Path,
    content: Content,
    digest: str,
    dataset: Dataset,
    device: str,
    tolerance: float,
    metrics: Sequence[str],
    progress: Callable[[str], None],
) -> Report:
    """Check an unpacked submission: first its statements, then its pixels, then its numbers."""
    submission = content.submission
    problems = _dataset_problems(submission, dataset)
    if not problems:
        problems = check_records(submission, content.method, content.records, dataset)
    warnings: list[str] = []
    if not problems:
        progress("decoding")
        problems, warnings = check_videos(folder, content.records, dataset, content.method)
    if problems:
        return Report(
            verdict="refused",
            archive_sha256=digest,
            submission=submission,
            problems=tuple(problems),
            warnings=tuple(warnings),
        )
    progress("scoring")
    from smmbench_leaderboard.submission.recomputing import recompute  # loads the metrics

    recomputed = recompute(
        folder, content.method, content.records, content.claims, dataset, device, metrics
    )
    differences = [claim.difference for claim in recomputed.claims]
    if not content.claims:
        warnings.append("It claims no scores; they were computed without comparison.")
    if any(difference > tolerance for difference in differences):
        verdict: Verdict = "differs"
    else:
        verdict = "verified" if recomputed.whole else "unscored"
    return Report(
        verdict=verdict,
        archive_sha256=digest,
        submission=submission,
        warnings=(*warnings, *recomputed.warnings, *_coverage_warnings(submission), STATED),
        claims=recomputed.claims,
        tolerance=tolerance,
        largest_difference=max(differences, default=None),
        board=recomputed.board,
    )


def _dataset(submission: Submission) -> Dataset:
    """Return the installed dataset; an untrusted name is looked up and never used as a path."""
    if submission.dataset not in dataset_names():
        raise Refused(no_such("dataset", plain(submission.dataset, 100), dataset_names()))
    return load_dataset(submission.dataset)


def _limits(dataset: Dataset, limits: Limits | None) -> Limits:
    """Return limits for a dataset: a video needs no more bytes than its uncompressed frames.

    FFV1 of noise is somewhat larger than the noise itself, so the limit has a margin.
    """
    limits = limits or Limits()
    form = dataset.manifest.protocol
    raw = 3 * form.frames * form.width * form.height
    return replace(limits, video_bytes=min(limits.video_bytes, 2 * LARGER * raw + (1 << 16)))


def _dataset_problems(submission: Submission, dataset: Dataset) -> list[str]:
    manifest = dataset.manifest
    if (submission.dataset, submission.dataset_version) != (manifest.name, manifest.version):
        return [
            f"It is for '{submission.dataset}' version {submission.dataset_version}, but here is "
            f"'{manifest.name}' version {manifest.version}."
        ]
    problems = []
    if submission.dataset_sha256 != manifest_sha256(dataset):
        problems.append(
            f"Its '{manifest.name}' has a different manifest from the one here, although both are "
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
