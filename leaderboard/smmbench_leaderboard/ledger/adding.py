"""Add a board to a ledger: read it as untrusted data, and enforce the rules of submission."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from smmbench.display import plain
from smmbench.storage.atomic import atomic_path
from smmbench.storage.ending import ending_by_exception
from smmbench.storage.strict_json import JsonLimits, read_bounded, strict_json
from smmbench_leaderboard.ledger.entries import (
    BOARD,
    FACTS,
    NAME,
    EntryFacts,
    new_path,
    submissions_of,
)
from smmbench_leaderboard.ledger.packing import pack_board, refuse_many_items
from smmbench_leaderboard.ledger.policy import date_of, refuse_too_many
from smmbench_leaderboard.ledger.tiers import LOWEST, OF_ORGANISERS

LIMITS = JsonLimits(size=32 << 20)  # a board of 23 rows with 234 pairs each has 3 MB


def add_board(folder: Path, name: str, board: Path, facts: EntryFacts | None = None) -> Path:
    """Add a board, as written by `smmbench leaderboard --format json`, under a new name.

    The report of `smmbench verify --json` is accepted too: its board was recomputed from videos.

    Args:
        folder: Folder of the ledger.
        name: Name of the new entry: a date, and a short description.
        board: File of the board.
        facts: Facts of the entry.

    Raises:
        ValueError: The name is taken or invalid, the file is not a board or has rows that are
            already published, or its submitter added an entry too recently and no organiser
            allows this one; see `policy`.
    """
    facts = facts or EntryFacts()
    if not facts.by and (facts.override or facts.tier in OF_ORGANISERS):
        what = "An exception" if facts.override else f"The tier '{facts.tier}'"
        raise ValueError(f"{what} is the organisers' to give: --by says who does.")
    content, facts = _content(board, facts)
    date_of(name)
    try:
        dataset = str(content["dataset"])
        published = [str(row["label"]) for row in content["rows"] if row.get("ledger")]
        if not facts.override:
            refuse_too_many(name, content, facts.tier, submissions_of(folder, dataset))
        packed = pack_board(content | {FACTS: facts.model_dump(mode="json")})
    except (AttributeError, IndexError, KeyError, TypeError) as error:
        raise ValueError(_no_board(board)) from error
    if published:
        raise ValueError(
            f"'{board}' has rows that are already published ({plain(', '.join(published), 200)}): "
            "make a board of your own results, without --ledger."
        )
    target = new_path(folder / dataset, name, BOARD.lstrip("."))
    with ending_by_exception(), atomic_path(target) as temporary:
        temporary.write_bytes(packed)
    return target


def _content(path: Path, facts: EntryFacts) -> tuple[dict[str, Any], EntryFacts]:
    """Read the board of a file, which may also be the report of a passed verification."""
    try:
        text = read_bounded(path, LIMITS)
        refuse_many_items(text)
        content = strict_json(text, LIMITS)
    except ValueError as error:
        raise ValueError(f"'{path}' cannot be added: {error}.") from error
    if isinstance(content, dict) and "verdict" in content:
        if content["verdict"] != "verified":
            raise ValueError(f"'{path}' is the report of a submission that was not verified.")
        tier = "recomputed" if facts.tier == LOWEST else facts.tier
        digest = str(content.get("archive_sha256", ""))
        facts = facts.model_copy(update={"tier": tier, "archive_sha256": digest})
        content = content.get("board")
    if not isinstance(content, dict) or not {"dataset", "rows", "columns"} <= content.keys():
        raise ValueError(_no_board(path))
    if not NAME.fullmatch(str(content["dataset"])):  # it becomes a folder of the ledger
        raise ValueError(f"'{path}' is of no dataset: '{plain(str(content['dataset']), 60)}'.")
    return content, facts


def _no_board(path: Path) -> str:
    return f"'{path}' is no board: `smmbench leaderboard --format json` writes one."
