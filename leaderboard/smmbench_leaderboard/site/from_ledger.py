"""The frames of a ledger: the newest board of each dataset, with what became of its rows."""

from __future__ import annotations

from pathlib import Path

from smmbench.dataset import Dataset, load_dataset
from smmbench_leaderboard.board.build import manifest_sha256
from smmbench_leaderboard.board.types import Board
from smmbench_leaderboard.ledger.entries import notices_of, read_board, standing
from smmbench_leaderboard.site.frame import SiteBoard
from smmbench_leaderboard.site.pair_columns import columnar


def entries_of(ledger: Path) -> list[str]:
    """Paths of the boards of a ledger, the newest of each dataset last.

    Raises:
        ValueError: There is no ledger, or nothing in it.
    """
    found = sorted(path.relative_to(ledger).as_posix() for path in ledger.rglob("*.board.xz"))
    if not found:
        raise ValueError(f"'{ledger}' is no ledger: it has no entry. See `smmbench ledger`.")
    return found


def entry_frame(ledger: Path, entry: str) -> SiteBoard:
    """Read one entry of a ledger into the frame."""
    board = Board.model_validate(read_board(ledger / entry))
    board = board.model_copy(update={"rows": tuple(columnar(row) for row in board.rows)})
    notices = notices_of(ledger)
    became = {row.label: standing(ledger, entry, row.label, notices) for row in board.rows}
    return SiteBoard(
        board=board,
        entry=entry,
        dataset=_dataset_of(board),
        became={label: words for label, words in became.items() if words},
    )


def _dataset_of(board: Board) -> Dataset | None:
    """The dataset, if the very one is installed that the board was made of."""
    try:
        dataset = load_dataset(board.dataset)
    except (LookupError, ValueError, OSError):
        return None
    return dataset if manifest_sha256(dataset) == board.manifest_sha256 else None
