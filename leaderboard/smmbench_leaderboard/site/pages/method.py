"""The page of one row: its card, parameters and numbers, and its best, worst and failed pairs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from smmbench.marks import RULES
from smmbench_leaderboard.board.columns import MOTION, RANKING, TEXT
from smmbench_leaderboard.board.types import Row
from smmbench_leaderboard.formats.table import against_of
from smmbench_leaderboard.site.figures import short
from smmbench_leaderboard.site.frame import SiteBoard
from smmbench_leaderboard.site.naming import slug
from smmbench_leaderboard.site.pages.printed import beside
from smmbench_leaderboard.site.pair_columns import STATUSES, PairColumns, columns_of_pairs
from smmbench_leaderboard.site.rendering import Site, write_page
from smmbench_leaderboard.site.trust import tier_of

SHOWN = 4  # pairs shown as best and as worst
FAILURES = 50  # failed pairs that are listed
MARKED = 8  # marked pairs that are shown


@dataclass(frozen=True)
class PairLine:
    """One pair of the row.

    Attributes:
        clip: Name of the clip.
        edit: Name of the edit.
        seed: The seed.
        prompt: The prompt; empty if the dataset is not installed.
        text: Text similarity.
        motion: Motion fidelity.
        why: Kind of failure and its message; empty if it did not fail.
        marks: Titles of the rules that mark it; empty if none does.
        preview: File of the preview; empty if there is none.
        address: Fragment of the viewer's address, after `#`.
    """

    clip: str
    edit: str
    seed: int
    prompt: str
    text: float | None
    motion: float | None
    why: str
    marks: str
    preview: str
    address: str


def write_method(to: Site, site: SiteBoard, row: Row, board_page: str) -> None:
    """Write the page of one row."""
    pairs = columns_of_pairs(row)
    axis = MOTION if MOTION in pairs.names else TEXT
    values = pairs.column(axis)
    done = np.flatnonzero((pairs.status == STATUSES.index("done")) & np.isfinite(values))
    order: list[int] = done[np.argsort(values[done], kind="stable")].tolist()
    low = order[:SHOWN]
    high = [place for place in order[::-1][:SHOWN] if place not in low]
    failed = np.flatnonzero(pairs.status == STATUSES.index("failed"))
    marked = [place for place, names in enumerate(pairs.marks) if names]
    facts = {
        "here": site,
        "board": site.board,
        "row": row,
        "evidence": site.evidence_of(row),
        "tier": tier_of(row),
        "became": site.became.get(row.label, ""),
        "axis": axis,
        "axes": [c for c in site.board.columns if c.name in RANKING and c.scored],
        "against": against_of(site.board),
        "best": [_line(site, row, pairs, place) for place in high],
        "worst": [_line(site, row, pairs, place) for place in low],
        "failed": [_line(site, row, pairs, place) for place in failed[:FAILURES]],
        "failures": len(failed),
        "marked": [_line(site, row, pairs, place) for place in marked[:MARKED]],
        "marks": len(marked),
        "rival": next((other.label for other in site.board.rows if other.label != row.label), ""),
        "printed": beside(row),
        "board_page": board_page,
        "nav": "",
        "summary": _summary(site, row),
    }
    write_page(to, f"{site.key}/methods/{slug(row.label)}.html", "method.html.j2", facts)


def _summary(site: SiteBoard, row: Row) -> str:
    """Summarise the row in a sentence, for link previews."""
    numbers = ", ".join(
        f"{column.title.lower()} {short(row.cells[column.name].mean)}"
        for column in site.board.columns
        if column.name in RANKING and column.scored
    )
    return f"{row.card.title or row.label} on {site.board.dataset}: {numbers}."


def _line(site: SiteBoard, row: Row, pairs: PairColumns, place: int) -> PairLine:
    key = clip, edit, seed = pairs.keys[place]
    evidence = site.evidence_of(row)
    why = pairs.failure[place]
    if message := evidence.failures.get(key, ""):
        why = f"{why}: {message}"
    marks = [rule.title for rule in RULES if rule.name in pairs.marks[place]]
    pair = f"{slug(clip)}/{slug(edit)}/{seed}"
    return PairLine(
        clip=clip,
        edit=edit,
        seed=seed,
        prompt=site.prompt(clip, edit),
        text=_finite(pairs.column(TEXT)[place]),
        motion=_finite(pairs.column(MOTION)[place]),
        why=why,
        marks="; ".join(marks),
        preview=site.preview(row, place),
        address=f"board={site.key}&pair={pair}&rows={slug(row.label)}",
    )


def _finite(value: float) -> float | None:
    return None if value != value else float(value)
