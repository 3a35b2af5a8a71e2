"""The page of values printed in papers, and those values for the rows of a board."""

from __future__ import annotations

from dataclasses import dataclass

from smmbench_leaderboard.board.types import Board, Row
from smmbench_leaderboard.literature.contradictions import Spread, reversals, spread_of
from smmbench_leaderboard.literature.page import TITLES, order_text
from smmbench_leaderboard.literature.printed import (
    AXES,
    Printed,
    method_of,
    printed_of,
    printed_tables,
    shown_name,
)
from smmbench_leaderboard.site.rendering import Site, write_page

PAGE = "printed.html"


@dataclass(frozen=True)
class Beside:
    """A row of a board, and the values that papers print for its method.

    Attributes:
        row: The row.
        name: Name of the method.
        printed: The values, in the order of the tables.
        motion: Spread of the values on motion; None unless several papers print one.
        text: Spread of the values on text.
    """

    row: Row
    name: str
    printed: tuple[Printed, ...]
    motion: Spread | None
    text: Spread | None

    @property
    def papers(self) -> int:
        """Number of papers that print a value."""
        return len({one.table.work for one in self.printed})


def beside(row: Row) -> Beside | None:
    """Return what papers print for a row's method; None if there is nothing."""
    work = method_of(row.entry, row.card.paper)
    found = tuple(printed_of(work)) if work else ()
    if not found:
        return None
    return Beside(row, shown_name(work), found, spread_of(work, "motion"), spread_of(work, "text"))


def all_beside(board: Board) -> tuple[Beside, ...]:
    """Return the rows of a board for whose methods papers print values, in its order."""
    return tuple(one for row in board.rows if (one := beside(row)) is not None)


def write_printed(to: Site) -> None:
    """Write the page of all printed values with their sources, contradictions first."""
    tables = printed_tables()
    works = dict.fromkeys(value.method for table in tables for value in table.values)
    spreads = [
        (shown_name(work), TITLES[axis], spread)
        for work in works
        for axis in AXES
        if (spread := spread_of(work, axis)) is not None
    ]
    facts = {
        "tables": [
            (table, [Printed(table=table, value=value) for value in table.values])
            for table in tables
        ],
        "spreads": spreads,
        "orders": [(TITLES[axis], list(map(order_text, reversals(tables, axis)))) for axis in AXES],
        "nav": "",
    }
    write_page(to, PAGE, "printed.html.j2", facts)
