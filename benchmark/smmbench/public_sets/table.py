"""The sets with a supported layout, as a table for the documentation; a test compares the two."""

from __future__ import annotations

from smmbench.public_sets.public_set import PublicSet
from smmbench.public_sets.registry import PUBLIC_SETS

HEAD = ("set", "a copy holds", "frames", "size", "masks", "from", "licence")


def layout_table() -> str:
    """A Markdown table with a row for each set."""
    rows = [HEAD, ("---",) * len(HEAD), *(_row(name, known) for name, known in PUBLIC_SETS.items())]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _row(name: str, known: PublicSet) -> tuple[str, ...]:
    if known.hub:
        place = f"`--hub` ({known.hub}), commit {known.revision[:8] or 'to be named'}"
    else:
        place = f"[page]({known.about.home})"
    return (
        f"`{name}`",
        known.layout,
        known.taken,
        f"{known.width}x{known.height}",
        known.masks,
        place,
        known.about.licence,
    )
