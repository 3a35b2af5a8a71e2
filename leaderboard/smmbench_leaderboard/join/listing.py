"""State of every announced submission: pending, in the ledger, or withdrawn."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from smmbench_leaderboard.join.announcement import AnnouncementError, read_announcement
from smmbench_leaderboard.ledger.entries import BOARD, notices_of, read_entry, standing


@dataclass(frozen=True)
class Standing:
    """One announced submission.

    Attributes:
        name: The file's name before `.toml`.
        entry: Its entry in the ledger; empty while it is pending.
        became: Later notice on the entry, or what is wrong with the announcement; may be empty.
    """

    name: str
    entry: str = ""
    became: str = ""


def standings(folder: Path, ledger: Path) -> Iterator[Standing]:
    """Compare every announcement with the ledger, by the hash of its archive.

    Raises:
        ValueError: An entry of the ledger cannot be read.
    """
    entries, notices = dict[str, str](), notices_of(ledger)
    for path in sorted(ledger.rglob(f"*{BOARD}")):
        digest = read_entry(path)[1].archive_sha256
        if digest:
            entries[digest] = path.relative_to(ledger).as_posix()
    for path in sorted(folder.glob("*.toml")):
        try:
            said = read_announcement(path)
        except AnnouncementError as error:
            yield Standing(path.stem, became=" ".join(error.faults))
            continue
        entry = entries.get(said.sha256, "")
        became = standing(ledger, entry, said.method, notices) if entry else ""
        yield Standing(path.stem, entry, became)
