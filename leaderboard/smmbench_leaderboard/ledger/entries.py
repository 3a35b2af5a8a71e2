"""What may be added to a ledger: boards, withdrawals and corrections; nothing is ever replaced."""

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
FACTS = "entry"  # key of an entry's facts, beside those of its board
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")


class EntryFacts(Stored):
    """What an entry says of itself, beside its board.

    Attributes:
        tier: Trust tier of its rows; a later notice may raise it.
        by: Organiser who gives the tier, or allows the entry against the rules; empty for none.
        override: Why it was allowed against the rules of submission; empty where it kept them.
        archive_sha256: Of the submission that was verified; empty for none.
    """

    tier: Tier = LOWEST
    by: str = ""
    override: str = ""
    archive_sha256: str = ""


class Notice(Stored):
    """A withdrawal, a correction or a change of tier: what it is of, why, and who says so.

    Attributes:
        of: Path of the entry in the ledger.
        method: Label of the row; empty for all of the entry.
        replaced_by: Path of the entry that holds instead; empty for a withdrawal.
        tier: The trust tier from now on; None for a withdrawal or a correction.
        reason: Why.
        by: Who says so.
        media_removed: The videos were taken down; their hashes stay.
    """

    of: str
    method: str = ""
    replaced_by: str = ""
    tier: Tier | None = None
    reason: Sentence
    by: Sentence
    media_removed: bool = False


def add_notice(folder: Path, name: str, notice: Notice) -> Path:
    """Add a notice: a change of tier, a correction or a withdrawal, by what it states.

    Raises:
        ValueError: The name is taken or is none, or there is no such entry or row.
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
    """The board of an entry, as it was added, and what the entry says of itself.

    Raises:
        ValueError: It is no entry.
    """
    try:
        content = unpack_board(path.read_bytes())
        facts = EntryFacts.model_validate(content.pop(FACTS, {}))  # entries of before have none
    except ValueError as error:
        raise ValueError(f"'{path}': {error}") from error
    return content, facts


def read_board(path: Path) -> dict[str, Any]:
    """The board of an entry, as it was added; raises `ValueError` if it is none."""
    return read_entry(path)[0]


def submissions_of(folder: Path, dataset: str) -> dict[str, dict[str, Any]]:
    """Boards of all submissions on a dataset, withdrawn ones too, by the names of their entries.

    What the organisers made themselves is no submission; what they made again of one is.

    Raises:
        ValueError: An entry is not readable.
    """
    notices, found = notices_of(folder), {}
    for path in sorted((folder / dataset).glob(f"*{BOARD}")):
        board, facts = read_entry(path)
        own = tier_of(path.relative_to(folder).as_posix(), "", facts, notices) == "organisers"
        if not own and facts.tier not in OF_ORGANISERS:
            found[path.name.removesuffix(BOARD)] = board
    return found


def taken_down(folder: Path) -> frozenset[str]:
    """Pixel hashes of the videos that were taken down: no page may show them.

    The hashes themselves stay in their entries, so that a number can still be shown to be of a
    video, and a copy of the video can still be told.

    Raises:
        ValueError: An entry or a notice is not readable.
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
    """Every withdrawal, correction and change of tier in a ledger, by name."""
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
    """What became of a row of an entry, in words; empty if it stands."""
    for notice in notices:
        if notice.tier is None and _is_of(notice, path, method):
            holds = f"corrected by {notice.replaced_by}" if notice.replaced_by else "withdrawn"
            media = " (its videos were taken down)" if notice.media_removed else ""
            return f"{holds}{media}: {notice.reason}"
    return ""


def tier_of(path: str, method: str, facts: EntryFacts, notices: list[Notice]) -> Tier:
    """The trust tier of a row: that of the last notice of it, or else of its entry."""
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
    """Where a new entry belongs; its folder is made.

    Raises:
        ValueError: The name is none, begins with no date, or is taken.
    """
    if not NAME.fullmatch(name):
        raise ValueError(f"'{plain(name)}' is no name of an entry: use a-z, 0-9, '.', '_' and '-'.")
    date_of(name)
    path = folder / f"{name}.{ending}"
    if path.exists():
        raise ValueError(f"'{path}' is there already; an entry is never edited.")
    folder.mkdir(parents=True, exist_ok=True)
    remove_leftovers(folder)  # of a command that was killed
    return path
