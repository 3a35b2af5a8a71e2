"""The cells of a table as text that is not yet escaped, shared by all formats for readers."""

from __future__ import annotations

from dataclasses import dataclass

from smmbench.marks import MARKED_SHARE, RULES
from smmbench_leaderboard.board.columns import FLOORS, MOTION, RANKING, higher_is_better
from smmbench_leaderboard.board.rows import UNKNOWN_FAMILY
from smmbench_leaderboard.board.selectivity import AGAINST
from smmbench_leaderboard.board.types import Board, Cell, Rank, Row

NONE = "\N{EN DASH}"  # not measured, or not available
FEWEST = 6  # minimum number of clips that can establish an order at 95 %


@dataclass(frozen=True)
class Table:
    """Cells as text. Every row is as long as the header, and its first cell is the method.

    Attributes:
        header: Titles of the columns.
        competitors: Rows that compete.
        controls: Rows of controls.
        partial: Rows that lack pairs of the board and are not comparable with others.
        sections: All rows again, by the title of each section of the table; the title of the
            competing rows is empty if they are one block.
        caption: Sentences below the table.
    """

    header: tuple[str, ...]
    competitors: tuple[tuple[str, ...], ...]
    controls: tuple[tuple[str, ...], ...]
    partial: tuple[tuple[str, ...], ...]
    sections: tuple[tuple[str, tuple[tuple[str, ...], ...]], ...]
    caption: tuple[str, ...]


def table_of(board: Board) -> Table:
    """Lay out a board for readers: scores with three digits, seconds and GiB with one."""
    header = ["Method", "Front"]
    for column in board.columns:
        header += [column.title, "Rank"] if column.name in RANKING else [column.title]
    header += [f"S, {against}" for against in against_of(board)]
    header += ["Coverage", *(["Marked"] if _has_marks(board) else []), "Seconds", "GiB"]
    header += ["Tier"] if _has_tiers(board) else []
    controls = tuple(_cells(board, row) for row in board.rows if row.control and not row.partial)
    partial = tuple(_cells(board, row) for row in board.rows if row.partial)
    blocks = tuple(
        (title, tuple(_cells(board, row) for row in rows)) for title, rows in blocks_of(board)
    )
    return Table(
        header=tuple(header),
        competitors=tuple(cells for _, rows in blocks for cells in rows),
        controls=controls,
        partial=partial,
        sections=(*blocks, ("controls", controls), ("partial", partial)),
        caption=caption_of(board),
    )


def against_of(board: Board) -> list[str]:
    """Return the other references against which any row has S, in the order of tables."""
    return [name for name in AGAINST if any(name in row.selectivity for row in board.rows)]


def blocks_of(board: Board) -> list[tuple[str, list[Row]]]:
    """Return the competing rows of each block with its title, which is empty for one block."""
    rows = [row for row in board.rows if not row.control and not row.partial]
    blocks = list(dict.fromkeys(row.block for row in rows))
    if len(blocks) < 2:
        return [("", rows)]
    return [
        (block or f"{UNKNOWN_FAMILY}, text", [row for row in rows if row.block == block])
        for block in blocks
    ]


def rank_text(rank: Rank | None) -> str:
    """Format a rank interval as `4-11`, or `4` for a single rank; a dash if there is none."""
    if rank is None:
        return NONE
    low, high = (rank, rank) if isinstance(rank, int) else rank
    return str(low) if low == high else f"{low}-{high}"


def caption_of(board: Board) -> tuple[str, ...]:
    """State what the numbers are, and what a reader must know before relying on them."""
    protocol = board.protocol
    seeds = ", ".join(str(seed) for seed in protocol.seeds)
    part = f"{board.pairs} of {board.dataset_pairs} pairs"
    scope = (
        f"All {board.pairs} pairs of the set count; a missing or failed one as the worst value."
        if board.scope == "full"
        else f"Only the {part} that the rows here attempted; not comparable with the whole set."
    )
    clips = "1 clip" if board.clips == 1 else f"{board.clips} clips"
    return (
        f"{board.dataset} version {board.dataset_version}, {clips}. {scope}",
        f"Protocol {protocol.version}: {protocol.frames} frames of {protocol.width}x"
        f"{protocol.height} at {protocol.fps:g} fps, seeds {seeds}, text model "
        f"{protocol.text_model}, tracker {protocol.tracker}, grid {protocol.grid}.",
        f"Mean [{board.bootstrap.level:.0%} interval over source clips]. Seconds are per pair, "
        "including its share of the preparation.",
        *_rank_sentences(board),
        *_floor_sentence(board),
        *_companion_sentences(board),
        *_mark_sentences(board),
        *_selectivity_sentences(board),
        *board.notes,
    )


def number(value: float | None) -> str:
    """Format a score with three digits, or as a dash; a rounded zero has no sign."""
    if value is None:
        return NONE
    return f"{value:.3f}".replace("-0.000", "0.000")


def percent(share: float) -> str:
    """Format a share of pairs, 0 to 1; one digit, so that 1 of 200 is not 0 and 19.7% not 20%."""
    return f"{share:.1%}"


def _rank_sentences(board: Board) -> tuple[str, ...]:
    """Explain ranks; for earlier boards, the rule that they used."""
    ranks = [cell.rank for row in board.rows for cell in row.cells.values() if cell.rank]
    if any(isinstance(rank, int) for rank in ranks):
        return (
            "Rank: methods that did not differ significantly from the leader of their group share "
            "its rank. "
            "Front: * is on the Pareto front of the means of text and motion.",
        )
    if not ranks:
        return ()
    level = f"{board.bootstrap.level:.0%}"
    few = board.clips < FEWEST
    return (
        'Rank "4-11": at least 3 methods are significantly better, and at most 10 may be. All '
        f"ranks of a column hold simultaneously with {level} confidence. Any method whose rank "
        "starts at 1 may be the best; overlapping ranks do not prove equality.",
        *(
            ["Methods are ranked within a block: one backbone family and one input contract."]
            if len(blocks_of(board)) > 1
            else []
        ),
        *([f"Fewer than {FEWEST} clips cannot establish an order."] if few else []),
        "Front: *, no other method significantly beats it on text or motion without losing on "
        "the other.",
    )


def _floor_sentence(board: Board) -> tuple[str, ...]:
    if not any(column.name in FLOORS for column in board.columns):
        return ()
    return (
        "Chance level: the motion fidelity of tracks whose every step goes in a random direction. "
        "Wrong-source score: that of the same outputs against the sources of other clips. Both are "
        "means over the pairs that have a video.",
    )


def _has_marks(board: Board) -> bool:
    return any(row.marked_share for row in board.rows)


def _mark_sentences(board: Board) -> tuple[str, ...]:
    if not _has_marks(board):
        return ()
    names = {name for row in board.rows for pair in row.pairs for name in pair.marks}
    reasons = [rule.says for rule in RULES if rule.name in names]
    said = "; or ".join(reasons) if reasons else "has a motion score that is not accepted"
    return (
        f"Marked: share of pairs whose output {said}. Such a pair counts as the worst on "
        "motion; controls keep their score for comparison. A row with more than "
        f"{MARKED_SHARE:.0%} marked pairs has no rank and no place on the front.",
    )


def _selectivity_sentences(board: Board) -> tuple[str, ...]:
    if not against_of(board):
        return ()
    return (
        "S: selectivity, how far a method's videos follow the motion that it was given and not "
        "another; copies of the references have 1, a method that ignores its reference 0. It does "
        "not rank; `smmbench selectivity` says which clips are left out.",
    )


def _companion_sentences(board: Board) -> tuple[str, ...]:
    more = [c for c in board.columns if c.name not in RANKING and c.metric != MOTION]
    lower = ", ".join(column.title for column in more if not higher_is_better(column))
    return (
        *(["Metrics besides text and motion explain them and do not rank."] if more else []),
        *([f"Lower is better: {lower}."] if lower else []),
    )


def _cells(board: Board, row: Row) -> tuple[str, ...]:
    marks = ("*" if row.pareto else "") + ("i" if row.imported else "")
    cells = [row.label, marks]  # separate, so that a label cannot fake a mark
    for column in board.columns:
        cell = row.cells[column.name]
        cells.append(_with_interval(cell))
        if column.name in RANKING:
            cells.append(rank_text(cell.rank))
    for against in against_of(board):
        one = row.selectivity.get(against)
        cells.append(
            NONE if one is None else _with_interval(Cell(mean=one.mean, interval=one.interval))
        )
    coverage = row.coverage
    cells.append(f"{coverage.done - coverage.unscored}/{coverage.expected}")
    if _has_marks(board):
        cells.append(percent(row.marked_share) if row.marked_share else "")
    cells.append(NONE if row.seconds is None else f"{row.seconds:.1f}")
    cells.append(NONE if row.peak_gib is None else f"{row.peak_gib:.1f}")
    if _has_tiers(board):
        cells.append(row.tier or "own")
    return tuple(cells)


def _has_tiers(board: Board) -> bool:
    return any(row.ledger for row in board.rows)


def _with_interval(cell: Cell) -> str:
    if cell.interval is None:
        return number(cell.mean)
    low, high = (number(end) for end in cell.interval)
    return f"{number(cell.mean)} [{low}, {high}]"
