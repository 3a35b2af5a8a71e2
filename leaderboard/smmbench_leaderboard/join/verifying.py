"""Verify an announced submission: download it, check it, recompute its scores.

Nothing here needs a secret, and nothing of the submission is executed. The result is a report for
its author and for the organisers, who decide.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Literal

from smmbench.results import MethodFile, Stored, parse
from smmbench.results.files import METHOD
from smmbench_leaderboard.join.announcement import (
    Announcement,
    AnnouncementError,
    read_announcement,
)
from smmbench_leaderboard.join.downloading import DownloadError, Patience, download
from smmbench_leaderboard.ledger.entries import BOARD, submissions_of
from smmbench_leaderboard.ledger.policy import refuse_too_many
from smmbench_leaderboard.submission.archive import names_and_file
from smmbench_leaderboard.submission.verification import Report, verify
from smmbench_leaderboard.submission.workspace import workspace

Outcome = Literal["verified", "differs", "unscored", "refused"]


class Verification(Stored):
    """What became of one announced submission.

    Attributes:
        name: The file's name before `.toml`.
        outcome: That of `smmbench verify`, or `refused` where it did not come to that.
        problems: Why it is refused, one sentence each.
        entry: The name that its entry of the ledger would have today.
        waits: Why the rules allow no entry today, in words; empty if they do.
        announcement: What was announced; None if that cannot be read.
        report: That of `smmbench verify`; None if the archive was not had.
    """

    name: str
    outcome: Outcome
    problems: tuple[str, ...] = ()
    entry: str = ""
    waits: str = ""
    announcement: Announcement | None = None
    report: Report | None = None


def verify_announced(
    path: Path,
    ledger: Path,
    today: date,
    *,
    dataset: str | None = None,
    device: str = "cpu",
    patience: Patience | None = None,
    loopback: bool = False,
    progress: Callable[[str], None] = lambda _: None,
) -> Verification:
    """Verify the submission that an announcement names; what is wrong with it is in the result.

    Args:
        path: The announcement.
        ledger: Folder of the ledger, whose rules are asked.
        today: The date of the entry that is proposed.
        dataset: Manifest path of a dataset that is not installed; None: the one it names.
        device: Where metrics compute.
        patience: How long the download may take.
        loopback: Also take an archive from 127.0.0.1.
        progress: Called with a word on each step.

    Raises:
        OSError: The announcement cannot be read, or the disk is full or broken.
    """
    name = path.stem
    try:
        announced = read_announcement(path, loopback)
    except AnnouncementError as error:
        return Verification(name=name, outcome="refused", problems=error.faults)
    entry = f"{today}-{name}"
    with workspace() as place:
        archive = place / "submission.zip"
        progress(f"downloading {announced.size} bytes")
        try:
            digest = download(announced.archive, archive, announced.size, patience, loopback)
            if digest != announced.sha256:
                raise DownloadError(
                    f"The archive's SHA-256 is {digest}, but {announced.sha256} is announced. It "
                    "is a different file, or was changed."
                )
        except DownloadError as error:
            return Verification(
                name=name, outcome="refused", problems=(str(error),), announcement=announced
            )
        report = verify(archive, dataset, device, progress=progress)
        problems = report.problems
        if report.verdict != "refused":
            problems = tuple(_differing(announced, report, archive))
    return Verification(
        name=name,
        outcome="refused" if problems else report.verdict,
        problems=problems,
        entry=entry,
        waits="" if problems else _waits(entry, report, ledger),
        announcement=announced,
        report=report,
    )


def card_contact(archive: Path) -> str:
    """The contact on the method card of an archive.

    Raises:
        ValueError: The archive is refused, or its card is not readable.
    """
    _, text = names_and_file(archive, METHOD)
    return parse(text, MethodFile, METHOD).card.contact


def _differing(announced: Announcement, report: Report, archive: Path) -> list[str]:
    """What the archive says otherwise than its announcement, a sentence each."""
    found = report.submission
    assert found is not None  # a report that is not refused has it
    pairs = [
        ("method", announced.method, found.method),
        ("dataset", announced.dataset, found.dataset),
        ("contact", announced.contact, card_contact(archive)),
    ]
    return [
        f"The {what} is '{inside}' in the archive; '{said}' is announced."
        for what, said, inside in pairs
        if said != inside
    ]


def _waits(entry: str, report: Report, ledger: Path) -> str:
    """Why the rules of submission allow no entry of a board today; empty if they do."""
    if report.board is None:
        return ""
    dataset = report.board.dataset
    if (ledger / dataset / f"{entry}{BOARD}").exists():
        return f"The ledger has an entry '{entry}' already."
    board = report.board.model_dump(mode="json")
    try:
        refuse_too_many(entry, board, "recomputed", submissions_of(ledger, dataset))
    except ValueError as error:
        return str(error)
    return ""
