"""The page on how to read a board, with examples from the current board."""

from __future__ import annotations

from smmbench.marks import MARKED_SHARE, RULES
from smmbench_leaderboard.board.types import Row
from smmbench_leaderboard.formats.table import rank_text
from smmbench_leaderboard.site.frame import SiteBoard
from smmbench_leaderboard.site.pages.board import shown_of
from smmbench_leaderboard.site.rendering import Site, write_page
from smmbench_leaderboard.site.trust import TIERS


def write_reading(to: Site, site: SiteBoard) -> None:
    """Write the page with rows of this board as examples."""
    ranked = [row for row in site.board.rows if _rank(row)]
    facts = {
        "here": site,
        "board": site.board,
        "example": max(ranked, key=lambda row: len(rank_text(_rank(row))), default=None),
        "wrong_source": shown_of(site).wrong_source,
        "rules": RULES,
        "marked_share": MARKED_SHARE,
        "tiers": TIERS,
        "nav": "reading",
    }
    write_page(to, "reading.html", "reading.html.j2", facts)


def _rank(row: Row) -> tuple[int, int] | int | None:
    return row.cells["motion_fidelity"].rank
