"""What may be added to a ledger: boards, withdrawals and corrections; nothing is ever replaced."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from smmbench.results import Stored
from smmbench.storage.atomic import atomic_path, write_text
from smmbench.storage.strict_json import strict_json
from smmbench_leaderboard.ledger.packing import pack_board, unpack_board
from smmbench_leaderboard.ledger.tiers import LOWEST, Tier

Sentence = Annotated[str, Field(min_length=1, max_length=2000)]
FACTS = "entry"  # key of an entry's facts, beside those of its board
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")


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


def add_board(folder: Path, name: str, board: Path, facts: EntryFacts | None = None) -> Path:
    """Add a board, as `smmbench leaderboard --format json` wrote it, under a new name.

    Args:
        folder: Of the ledger.
        name: Of the new entry.
        board: The file.
        facts: What the entry says of itself.

    Raises:
        ValueError: The name is taken or is none, or the file is no board.
    """
    content = json.loads(board.read_bytes())
    if not isinstance(content, dict) or not {"dataset", "rows", "columns"} <= content.keys():
        raise ValueError(f"'{board}' is no board: `smmbench leaderboard --format json` writes one.")
    if published := [str(row["label"]) for row in content["rows"] if row.get("ledger")]:
        raise ValueError(
            f"'{board}' has rows that are already published ({', '.join(published)}): make a board "
            "of your own results, without --ledger."
        )
    content |= {FACTS: (facts or EntryFacts()).model_dump(mode="json")}
    target = _new(folder / str(content["dataset"]), f"{name}.board.xz", name)
    with atomic_path(target) as temporary:
        temporary.write_bytes(pack_board(content))
    return target


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
    target = _new(entry.parent, f"{name}.{kind}.json", name)
    write_text(target, notice.model_dump_json(indent=1) + "\n")
    return target


def read_entry(path: Path) -> tuple[dict[str, Any], EntryFacts]:
    """The board of an entry, as it was added, and what the entry says of itself.

    Raises:
        ValueError: It is no entry.
    """
    content = unpack_board(path.read_bytes())
    facts = content.pop(FACTS, {})  # entries of before have none
    return content, EntryFacts.model_validate(facts)


def read_board(path: Path) -> dict[str, Any]:
    """The board of an entry, as it was added; raises `ValueError` if it is none."""
    return read_entry(path)[0]


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
            return f"{holds}: {notice.reason}"
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


def _new(folder: Path, file: str, name: str) -> Path:
    if not _NAME.fullmatch(name):
        raise ValueError(f"'{name}' is no name of an entry: use a-z, 0-9, '.', '_' and '-'.")
    if (folder / file).exists():
        raise ValueError(f"'{folder / file}' is there already; an entry is never edited.")
    folder.mkdir(parents=True, exist_ok=True)
    return folder / file
