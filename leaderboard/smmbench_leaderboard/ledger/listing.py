"""The entries of a ledger as lines: rows, trust tier, and whether they still count."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from smmbench_leaderboard.ledger.entries import notices_of, read_entry, standing, tier_of
from smmbench_leaderboard.ledger.retiring import retired
from smmbench_leaderboard.ledger.tiers import Tier


def lines_of(folder: Path, by_row: bool = False) -> Iterator[str]:
    """Describe each entry, its fields divided by two spaces: path, rows, tier, state.

    Rows of an entry that have the same tier and state share a line, which counts them if they are
    all or several of its rows, and names a single one.

    Args:
        folder: Folder of the ledger.
        by_row: Give each row a line of its own, with its label.

    Raises:
        ValueError: An entry cannot be read.
    """
    notices = notices_of(folder)
    for path in sorted(folder.rglob("*.board.xz")):
        name = path.relative_to(folder).as_posix()
        board, facts = read_entry(path)
        alike: dict[tuple[Tier, str], list[str]] = {}
        for row in board["rows"]:
            label = row["label"]
            tier = tier_of(name, label, facts, notices)
            state = standing(folder, name, label, notices) or retired(board)
            alike.setdefault((tier, state), []).append(label)
            if by_row:
                yield _line(name, label, tier, state)
        if not by_row:
            for (tier, state), labels in alike.items():
                some = labels[0] if len(labels) == 1 else f"{len(labels)} rows"
                yield _line(name, some, tier, state)


def _line(*fields: str) -> str:
    return "  ".join(field for field in fields if field)
