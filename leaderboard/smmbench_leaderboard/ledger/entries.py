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

Sentence = Annotated[str, Field(min_length=1, max_length=2000)]
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")


class Notice(Stored):
    """A withdrawal or a correction: what it is of, why, and who says so.

    Attributes:
        of: Path of the entry in the ledger.
        method: Label of the row; empty for all of the entry.
        replaced_by: Path of the entry that holds instead; empty for a withdrawal.
        reason: Why.
        by: Who says so.
        media_removed: The videos were taken down; their hashes stay.
    """

    of: str
    method: str = ""
    replaced_by: str = ""
    reason: Sentence
    by: Sentence
    media_removed: bool = False


def add_board(folder: Path, name: str, board: Path) -> Path:
    """Add a board, as `smmbench leaderboard --format json` wrote it, under a new name.

    Raises:
        ValueError: The name is taken or is none, or the file is no board.
    """
    content = json.loads(board.read_bytes())
    if not isinstance(content, dict) or not {"dataset", "rows", "columns"} <= content.keys():
        raise ValueError(f"'{board}' is no board: `smmbench leaderboard --format json` writes one.")
    target = _new(folder / str(content["dataset"]), f"{name}.board.xz", name)
    with atomic_path(target) as temporary:
        temporary.write_bytes(pack_board(content))
    return target


def add_notice(folder: Path, name: str, notice: Notice) -> Path:
    """Add a withdrawal, or a correction if the notice names what holds instead.

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
    kind = "correction" if notice.replaced_by else "withdrawal"
    target = _new(entry.parent, f"{name}.{kind}.json", name)
    write_text(target, notice.model_dump_json(indent=1) + "\n")
    return target


def read_board(path: Path) -> dict[str, Any]:
    """The board of an entry, as it was added; raises `ValueError` if it is none."""
    return unpack_board(path.read_bytes())


def notices_of(folder: Path) -> list[Notice]:
    """Every withdrawal and correction of a ledger, by path."""
    paths = sorted([*folder.rglob("*.withdrawal.json"), *folder.rglob("*.correction.json")])
    found = []
    for path in paths:
        text = path.read_bytes()
        strict_json(text)
        found.append(Notice.model_validate_json(text))
    return found


def standing(folder: Path, path: str, method: str, notices: list[Notice]) -> str:
    """What became of a row of an entry, in words; empty if it stands."""
    for notice in notices:
        if notice.of == path and notice.method in ("", method):
            holds = f"corrected by {notice.replaced_by}" if notice.replaced_by else "withdrawn"
            return f"{holds}: {notice.reason}"
    return ""


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
