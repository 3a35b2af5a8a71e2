"""Boards of a ledger: current rows, ranked over one set of pairs, and every entry."""

from __future__ import annotations

from pathlib import Path

from smmbench.dataset import Dataset, load_dataset
from smmbench_leaderboard.board.build import ledger_board, manifest_sha256
from smmbench_leaderboard.board.published import read_published_board
from smmbench_leaderboard.board.types import Board
from smmbench_leaderboard.ledger.chain import in_order
from smmbench_leaderboard.ledger.entries import notices_of, standing, tier_of
from smmbench_leaderboard.site.frame import SiteBoard
from smmbench_leaderboard.site.pair_columns import columnar


def entries_of(ledger: Path) -> list[str]:
    """Return the paths of the boards of a ledger, the newest first.

    Raises:
        ValueError: There is no entry.
    """
    paths = [path for path in in_order(ledger) if path.name.endswith(".board.xz")]
    if not paths:
        raise ValueError(f"The ledger '{ledger}' has no entry. See `smmbench ledger`.")
    return [path.relative_to(ledger).as_posix() for path in reversed(paths)]


def standing_frame(ledger: Path, dataset: str) -> SiteBoard:
    """Make the board of a ledger's current rows of one dataset.

    Args:
        ledger: Folder of the ledger.
        dataset: Name or manifest path.

    Raises:
        ValueError: The dataset has no current row.
    """
    board = _columnar(ledger_board(ledger, dataset))
    return SiteBoard(board=board, dataset=load_dataset(dataset))


def entry_frame(ledger: Path, entry: str) -> SiteBoard:
    """Read one entry as it was published, with later notices on its rows.

    Raises:
        ValueError: The entry cannot be read.
    """
    board, facts = read_published_board(ledger / entry)
    notices = notices_of(ledger)
    rows = [
        row.model_copy(update={"ledger": entry, "tier": tier_of(entry, row.label, facts, notices)})
        for row in board.rows
    ]
    became = {row.label: standing(ledger, entry, row.label, notices) for row in rows}
    return SiteBoard(
        board=_columnar(board.model_copy(update={"rows": tuple(rows)})),
        entry=entry,
        dataset=_dataset_of(board),
        became={label: words for label, words in became.items() if words},
    )


def _columnar(board: Board) -> Board:
    return board.model_copy(update={"rows": tuple(columnar(row) for row in board.rows)})


def _dataset_of(board: Board) -> Dataset | None:
    """Return the dataset if the installed one is exactly that of the board."""
    try:
        dataset = load_dataset(board.dataset)
    except (LookupError, ValueError, OSError):
        return None
    return dataset if manifest_sha256(dataset) == board.manifest_sha256 else None
