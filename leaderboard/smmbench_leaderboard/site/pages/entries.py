"""The page of a ledger's entries: every board that was added, and later notices on its rows."""

from __future__ import annotations

from collections.abc import Sequence

from smmbench_leaderboard.site.frame import SiteBoard
from smmbench_leaderboard.site.rendering import Site, write_page


def write_entries(to: Site, boards: Sequence[SiteBoard]) -> None:
    """Write the list of entries in the given order, newest first; nothing without a ledger."""
    if any(site.entry for site in boards):
        facts = {"boards": boards, "nav": "entries"}
        write_page(to, "entries.html", "entries.html.j2", facts)
