"""Review a change: verify its announcements, and write the reports to one folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from smmbench.storage.atomic import write_text
from smmbench_leaderboard.join.changes import ChangeError, read_change
from smmbench_leaderboard.join.summary import summary_text
from smmbench_leaderboard.join.verifying import Verification, verify_announced

REPORT, VERIFICATION, SUMMARY = "report.json", "verification.json", "summary.md"


@dataclass(frozen=True)
class Reviewed:
    """The review of a change.

    Attributes:
        text: Summary in Markdown.
        sound: Whether everything that the change announces is verified.
    """

    text: str
    sound: bool


def review(
    repository: Path,
    base: str,
    head: str,
    ledger: Path,
    folder: Path,
    today: date,
    *,
    alone: bool = False,
    dataset: str | None = None,
    device: str = "cpu",
    loopback: bool = False,
    progress: Callable[[str], None] = lambda _: None,
) -> Reviewed:
    """Verify what a change announces, and write one report each and a summary.

    Args:
        repository: A clone that has both commits.
        base: Commit that the change is to be merged into.
        head: Commit of the change; its files are read as data and never run.
        ledger: Folder of the ledger, whose rules apply.
        folder: Folder of the reports.
        today: Date of the proposed entries.
        alone: Reject a change that touches anything but one announcement.
        dataset: Manifest path of a dataset that is not installed; None for the one that is named.
        device: Device of the metrics.
        loopback: Also take archives from 127.0.0.1.
        progress: Called with a word on each step.

    Raises:
        ValueError: There is no such commit.
        OSError: The disk is full or broken.
    """
    try:
        change = read_change(repository, base, head, alone)
    except ChangeError as error:
        faults = "\n".join(f"- {fault}" for fault in str(error).splitlines())
        return _written(folder, f"## No submission\n\n{faults}\n", sound=False)
    texts, sound = [], True
    for name, content in change.added.items():
        path = folder / Path(name).stem / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        found = verify_announced(
            path,
            ledger,
            today,
            dataset=dataset,
            device=device,
            loopback=loopback,
            progress=progress,
        )
        write_reports(path.parent, found)
        texts.append(summary_text(found))
        sound = sound and found.outcome == "verified"
    texts += [f"## {name}: taken back\n\nNothing is verified.\n" for name in change.removed]
    text = "\n".join(texts) or "## No submission\n\nThe change announces nothing.\n"
    return _written(folder, text, sound)


def write_reports(folder: Path, found: Verification) -> None:
    """Write the report of one submission, and for `ledger add` that of `smmbench verify`."""
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / REPORT, found.model_dump_json(indent=1) + "\n")
    if found.report is not None and found.outcome != "refused":
        write_text(folder / VERIFICATION, found.report.model_dump_json(indent=1) + "\n")
    write_text(folder / SUMMARY, summary_text(found))


def _written(folder: Path, text: str, sound: bool) -> Reviewed:
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / SUMMARY, text)
    return Reviewed(text, sound)
