"""The page that compares any two rows of a board pair by pair."""

from __future__ import annotations

from collections.abc import Sequence

from smmbench_leaderboard.site.frame import SiteBoard
from smmbench_leaderboard.site.pages.viewer import choices
from smmbench_leaderboard.site.rendering import Site, write_page


def write_compare(to: Site, boards: Sequence[SiteBoard]) -> None:
    """Write the page."""
    facts = {"boards": choices(boards), "nav": "compare"}
    write_page(to, "compare.html", "compare.html.j2", facts)
