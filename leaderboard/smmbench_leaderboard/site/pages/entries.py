"""The entries of a ledger: every board that was ever added, and what became of its rows."""

from __future__ import annotations

from collections.abc import Sequence

from smmbench_leaderboard.site.frame import SiteBoard
from smmbench_leaderboard.site.rendering import Site, write_page


def write_entries(to: Site, boards: Sequence[SiteBoard]) -> None:
    """Write the list of entries, the newest first as they are given; none without a ledger."""
    if any(site.entry for site in boards):
        facts = {"boards": boards, "nav": "entries"}
        write_page(to, "entries.html", "entries.html.j2", facts)
