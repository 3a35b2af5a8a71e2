"""Write the announcement of an archive, from the facts in the archive."""

from __future__ import annotations

from pathlib import Path

from smmbench.storage.home import file_sha256
from smmbench_leaderboard.join.announcement import (
    SCHEMA_VERSION,
    Announcement,
    address_fault,
    read_announcement,
    write_announcement,
)
from smmbench_leaderboard.join.terms import AGREEMENT
from smmbench_leaderboard.join.verifying import card_contact
from smmbench_leaderboard.submission.archive import names_and_file
from smmbench_leaderboard.submission.opening import read_list
from smmbench_leaderboard.submission.packing import MANIFEST


def announce(archive: Path, address: str, path: Path, loopback: bool = False) -> Announcement:
    """Write the announcement of an archive that `smmbench submit` made.

    Args:
        archive: Local path of the archive.
        address: Public address of the archive.
        path: File of the announcement, which must not exist.
        loopback: Also allow an address of 127.0.0.1.

    Raises:
        ValueError: The file is not an archive of `smmbench submit`, the address is not allowed, or
            the announcement already exists.
    """
    if not archive.is_file():
        raise ValueError(f"No file '{archive}'. `smmbench submit results/NAME` makes a submission.")
    if fault := address_fault(address, loopback):
        raise ValueError(f"'{address}': {fault}.")
    _, text = names_and_file(archive, MANIFEST)
    packed = read_list(text)
    announcement = Announcement.model_construct(
        schema_version=SCHEMA_VERSION,
        method=packed.method,
        dataset=packed.dataset,
        archive=address,
        size=archive.stat().st_size,
        sha256=file_sha256(archive),
        contact=card_contact(archive),
        agreement=AGREEMENT,
    )
    write_announcement(path, announcement)
    try:
        return read_announcement(path, loopback)
    except ValueError:
        path.unlink()
        raise
