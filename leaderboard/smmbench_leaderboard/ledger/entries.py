"""Entries of a ledger: boards, withdrawals and corrections; none is ever replaced."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from smmbench.display import plain
from smmbench.results import Stored
from smmbench.storage.atomic import remove_leftovers, write_text
from smmbench.storage.strict_json import strict_json
from smmbench_leaderboard.ledger.packing import unpack_board
from smmbench_leaderboard.ledger.policy import date_of
from smmbench_leaderboard.ledger.tiers import LOWEST, OF_ORGANISERS, Tier

Sentence = Annotated[str, Field(min_length=1, max_length=2000)]
BOARD = ".board.xz"
FACTS = "entry"  # key of an entry's facts, next to those of its board
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")


class EntryFacts(Stored):
    """Facts of an entry besides its board.

    Attributes:
        tier: Trust tier of its rows; a later notice may raise it.
        by: Organiser who assigns the tier or allows an exception; empty if not needed.
        override: Reason for an exception from the rules of submission; empty if there is none.
        archive_sha256: SHA-256 of the verified submission; empty if there is none.
    """

    tier: Tier = LOWEST
    by: str = ""
    override: str = ""
    archive_sha256: str = ""


class Notice(Stored):
    """A withdrawal, a correction or a change of tier.

    Attributes:
        of: Path of the entry in the ledger.
        method: Label of the row; empty for the whole entry.
        replaced_by: Path of the entry that applies instead; empty for a withdrawal.
        tier: The new trust tier; None for a withdrawal or a correction.
        reason: The reason.
        by: Who issued the notice.
        media_removed: Whether the videos were taken down; their hashes stay.
    """

    of: str
    method: str = ""
    replaced_by: str = ""
    tier: Tier | None = None
    reason: Sentence
    by: Sentence
    media_removed: bool = False


def add_notice(folder: Path, name: str, notice: Notice) -> Path:
    """Add a notice: a change of tier, a correction or a withdrawal, depending on its fields.

    Raises:
        ValueError: The name is taken or invalid, or there is no such entry or row.
    """
    entry = _entry(folder, notice.of)
    if notice.method:
        labels = [row["label"] for row in read_board(entry)["rows"]]
        if notice.method not in labels:
            raise ValueError(f"'{notice.of}' has no row '{notice.method}'; it has {labels}.")
    if notice.replaced_by:
        _entry(folder, notice.replaced_by)
    kind = "tier" if notice.tier else "correction" if notice.replaced_by else "withdrawal"
    target = new_path(entry.parent, name, f"{kind}.json")
    write_text(target, notice.model_dump_json(indent=1) + "\n")
    return target


def read_entry(path: Path) -> tuple[dict[str, Any], EntryFacts]:
    """Read the board of an entry, as it was added, and the facts of the entry.

    Raises:
        ValueError: The file is not an entry.
    """
    try:
        content = unpack_board(path.read_bytes())
        facts = EntryFacts.model_validate(content.pop(FACTS, {}))  # older entries have none
    except ValueError as error:
        raise ValueError(f"'{path}': {error}") from error
    return content, facts


def read_board(path: Path) -> dict[str, Any]:
    """Read the board of an entry, as it was added; `ValueError` if it is not an entry."""
    return read_entry(path)[0]


def submissions_of(folder: Path, dataset: str) -> dict[str, dict[str, Any]]:
    """Return the boards of all submissions on a dataset, including withdrawn ones, by entry name.

    The organisers' own entries are not submissions, but entries that they regenerated are.

    Raises:
        ValueError: An entry cannot be read.
    """
    notices, found = notices_of(folder), {}
    for path in sorted((folder / dataset).glob(f"*{BOARD}")):
        board, facts = read_entry(path)
        own = tier_of(path.relative_to(folder).as_posix(), "", facts, notices) == "organisers"
        if not own and facts.tier not in OF_ORGANISERS:
            found[path.name.removesuffix(BOARD)] = board
    return found


def taken_down(folder: Path) -> frozenset[str]:
    """Return the pixel hashes of videos that were taken down, which no page may show.

    The hashes stay in their entries, so that a number can still be attributed to a video, and a
    copy of the video can still be recognised.

    Raises:
        ValueError: An entry or a notice cannot be read.
    """
    return frozenset(
        pair["pixels_sha256"]
        for notice in notices_of(folder)
        if notice.media_removed
        for row in read_board(_entry(folder, notice.of))["rows"]
        if notice.method in ("", row["label"])
        for pair in row["pairs"]
        if pair["pixels_sha256"]
    )


def notices_of(folder: Path) -> list[Notice]:
    """Return every withdrawal, correction and change of tier in a ledger, sorted by name."""
    kinds = ("withdrawal", "correction", "tier")
    paths = [path for kind in kinds for path in folder.rglob(f"*.{kind}.json")]
    paths.sort(key=lambda path: (path.name, path))
    found = []
    for path in paths:
        text = path.read_bytes()
        strict_json(text)
        found.append(Notice.model_validate_json(text))
    return found


def standing(folder: Path, path: str, method: str, notices: list[Notice]) -> str:
    """Describe the last withdrawal or correction of a row; empty if it is current."""
    for notice in notices:
        if notice.tier is None and _is_of(notice, path, method):
            holds = f"corrected by {notice.replaced_by}" if notice.replaced_by else "withdrawn"
            media = " (its videos were taken down)" if notice.media_removed else ""
            return f"{holds}{media}: {notice.reason}"
    return ""


def tier_of(path: str, method: str, facts: EntryFacts, notices: list[Notice]) -> Tier:
    """Return the trust tier of a row: that of its last notice, or else of its entry."""
    tiers = [one.tier for one in notices if one.tier and _is_of(one, path, method)]
    return tiers[-1] if tiers else facts.tier


def _is_of(notice: Notice, path: str, method: str) -> bool:
    return notice.of == path and notice.method in ("", method)


def _entry(folder: Path, name: str) -> Path:
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()) or not path.is_file():
        raise ValueError(f"The ledger '{folder}' has no entry '{name}'.")
    return path


def new_path(folder: Path, name: str, ending: str) -> Path:
    """Return the path of a new entry, and create its folder.

    Raises:
        ValueError: The name is invalid, does not begin with a date, or is taken.
    """
    if not NAME.fullmatch(name):
        raise ValueError(f"'{plain(name)}' is no name of an entry: use a-z, 0-9, '.', '_' and '-'.")
    date_of(name)
    path = folder / f"{name}.{ending}"
    if path.exists():
        raise ValueError(f"'{path}' is there already; an entry is never edited.")
    folder.mkdir(parents=True, exist_ok=True)
    remove_leftovers(folder)  # left by a command that was killed
    return path
