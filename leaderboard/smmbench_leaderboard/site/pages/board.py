"""The board page: every block of one board, its plot and its controls."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean

from smmbench.marks import RULES
from smmbench_leaderboard.board.columns import MOTION, OTHERS, RANKING, TEXT, higher_is_better
from smmbench_leaderboard.board.rows import UNKNOWN_FAMILY
from smmbench_leaderboard.board.types import Board, Column, Row
from smmbench_leaderboard.formats.table import against_of, blocks_of, caption_of
from smmbench_leaderboard.site.clip_classes import ClipClass, classes_of, largest_first
from smmbench_leaderboard.site.cost import factors_to, on_reference, reference_device
from smmbench_leaderboard.site.figures import Bar, Scale, bar_of
from smmbench_leaderboard.site.frame import Evidence, SiteBoard
from smmbench_leaderboard.site.pages.datasheet import has_datasheet
from smmbench_leaderboard.site.pages.printed import Beside, all_beside
from smmbench_leaderboard.site.pair_columns import columns_of_pairs
from smmbench_leaderboard.site.pareto import NARROW, Plot, plot_of
from smmbench_leaderboard.site.rendering import Site, write_page
from smmbench_leaderboard.site.trust import TIERS, Tier, tier_of

NEAR, CROWD = 0.1, 4
"""At least `CROWD` methods within `NEAR` of the best text similarity get a separate plot."""

CONTROLS = (
    "Not methods, and without ranks: copies and disturbed sources with known scores, and "
    "constructions that try to deceive the motion metric. A high score is no achievement here."
)


@dataclass(frozen=True)
class Line:
    """One row of the table.

    Attributes:
        row: The row.
        evidence: What the results folder has on it.
        tier: How far it can be trusted.
        bars: Bars by axis.
        wrong_source: Its wrong-source score; None if it was not measured.
        failures: Kinds of failure with counts, as text.
        on_reference: Seconds per pair on the board's reference device, if it ran on another.
        became: Later notice in the ledger; empty while the row is current.
    """

    row: Row
    evidence: Evidence
    tier: Tier
    bars: dict[str, Bar | None]
    wrong_source: float | None
    failures: str
    on_reference: float | None
    became: str

    @cached_property
    def marked_share(self) -> float:
        """Share of marked pairs, 0 to 1."""
        return self.row.marked_share

    @property
    def marks(self) -> str:
        """Titles of the rules that mark any of its pairs."""
        names = {name for some in columns_of_pairs(self.row).marks for name in some}
        return "; ".join(rule.title for rule in RULES if rule.name in names)


@dataclass(frozen=True)
class Block:
    """Rows that are ranked together, or that are not ranked at all."""

    title: str
    says: str
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Shown:
    """Everything that the template of a board shows."""

    site: SiteBoard
    board: Board
    blocks: tuple[Block, ...]
    axes: tuple[Column, ...]
    beside: tuple[Column, ...]  # shown on demand
    against: tuple[str, ...]  # other references against which any row has selectivity
    plots: tuple[tuple[str, str, tuple[Plot, ...]], ...]  # id, title, wide and narrow plot
    strip: tuple[Line, ...]  # if only one axis is scored
    strip_axis: Column | None
    classes: tuple[ClipClass, ...]
    families: tuple[str, ...]
    contracts: tuple[str, ...]
    kinds: tuple[str, ...]
    tiers: tuple[Tier, ...]
    reference: str
    wrong_source: float | None  # mean over the methods
    caption: tuple[str, ...]
    marked: bool
    printed: tuple[Beside, ...]

    @property
    def lower(self) -> frozenset[str]:
        """Columns in which lower is better."""
        return frozenset(c.name for c in self.board.columns if not higher_is_better(c))


def write_board(to: Site, page: str, site: SiteBoard, others: list[SiteBoard]) -> None:
    """Write the page of one board, with links to the others."""
    board = site.board
    methods = sum(not row.control for row in board.rows)
    summary = (
        f"{methods} methods of text-driven video motion transfer on {board.dataset}, "
        f"{board.pairs} pairs each, with intervals, wrong-source scores and controls."
    )
    facts = {
        "shown": shown_of(site),
        "boards": others,
        "here": site,
        "nav": "board",
        "summary": summary,
        "datasheet": has_datasheet(site),
    }
    write_page(to, page, "board.html.j2", facts)


def shown_of(site: SiteBoard) -> Shown:
    """Collect what the page of a board shows."""
    board = site.board
    scale = Scale(_lowest(board), 1.0)
    costs = [site.evidence_of(row).costs for row in board.rows]
    reference = reference_device(costs)
    factors = factors_to(reference, costs)
    lines = {
        row.label: _line(site, row, scale, on_reference(costs[place], reference, factors))
        for place, row in enumerate(board.rows)
    }
    whole = [row for row in board.rows if not row.partial]
    competing = [row for row in whole if not row.control]
    levels = [lines[row.label].wrong_source for row in competing]
    known = [level for level in levels if level is not None]
    wrong_source = fmean(known) if known else None  # controls say nothing about methods
    near = crowded(competing)
    sets = [("near", "Leading on text", near)] if near else []
    sets += [("methods", "Methods", competing), ("all", "With controls", whole)]
    plots = [(key, title, _both(rows, wrong_source)) for key, title, rows in sets]
    scored = [column for column in board.columns if column.name in RANKING and column.scored]
    single = scored[0] if len(scored) == 1 else None
    keys = site.keys
    classes = largest_first(classes_of(site.dataset, keys)) if site.dataset else []
    return Shown(
        site=site,
        board=board,
        blocks=tuple(_blocks(board, lines)),
        axes=tuple(scored),
        beside=tuple(c for c in board.columns if c.name not in (*RANKING, OTHERS)),
        against=tuple(against_of(board)),
        plots=tuple(one for one in plots if one[2]),
        strip=tuple(lines[row.label] for row in whole) if single else (),
        strip_axis=single,
        classes=tuple(classes),
        families=_distinct(_family(row) for row in board.rows),
        contracts=_distinct(row.card.input_contract for row in board.rows),
        kinds=_distinct(row.card.kind for row in board.rows),
        tiers=tuple(t for t in TIERS if any(line.tier == t for line in lines.values())),
        reference=reference,
        wrong_source=wrong_source,
        # Tables flag the front with a star, the page with a word.
        caption=tuple(text.replace("Front: *,", "Front:") for text in caption_of(board)),
        marked=any(line.marked_share for line in lines.values()),
        printed=all_beside(board),
    )


def _both(rows: Sequence[Row], wrong_source: float | None) -> tuple[Plot, ...]:
    """Plot rows for wide and for narrow screens; empty if there is nothing to plot."""
    both = plot_of(rows, wrong_source), plot_of(rows, wrong_source, NARROW)
    return tuple(plot for plot in both if plot is not None)


def crowded(rows: Sequence[Row]) -> list[Row]:
    """Return methods nearly as good on text as the best; none if they are few or all."""
    means = {row.label: row.cells[TEXT].mean for row in rows}
    known = [mean for mean in means.values() if mean is not None]
    best = max(known, default=0.0)
    near = [row for row in rows if (means[row.label] or 0.0) > best - NEAR]
    return near if known and CROWD <= len(near) < len(rows) else []


def _line(site: SiteBoard, row: Row, scale: Scale, seconds: float | None) -> Line:
    wrong_source = row.cells[OTHERS].mean if OTHERS in row.cells else None
    bars = {
        TEXT: bar_of(row.cells[TEXT], scale),
        MOTION: bar_of(row.cells[MOTION], scale, wrong_source),
    }
    costs = site.evidence_of(row).costs
    elsewhere = seconds if costs and costs[0].seconds != seconds else None
    return Line(
        row=row,
        evidence=site.evidence_of(row),
        tier=tier_of(row),
        bars=bars,
        wrong_source=wrong_source,
        failures=", ".join(f"{count} {kind}" for kind, count in row.coverage.failed.items()),
        on_reference=elsewhere,
        became=site.became.get(row.label, ""),
    )


def _lowest(board: Board) -> float:
    """Return the left end of the bars: 0, or the lowest end of an interval below 0."""
    ends = [
        (cell.interval or (cell.mean,))[0]
        for row in board.rows
        for name, cell in row.cells.items()
        if name in RANKING and cell.mean is not None
    ]
    return min([0.0, *(end for end in ends if end is not None)])


def _blocks(board: Board, lines: dict[str, Line]) -> list[Block]:
    blocks = []
    for title, rows in blocks_of(board):
        block = title or (rows[0].block if rows else "") or f"{UNKNOWN_FAMILY}, text"
        family, _, given = block.partition(", ")
        named = (
            f"Backbones: {family.removeprefix('family ')}; input: {given.removeprefix('input ')}"
        )
        says = "Ranked together." if len(blocks_of(board)) > 1 else ""
        blocks.append(Block(named, says, tuple(lines[row.label] for row in rows)))
    controls = [row for row in board.rows if row.control and not row.partial]
    partial = [row for row in board.rows if row.partial]
    for title, says, rows in (
        ("Controls", CONTROLS, controls),
        (
            "Partial",
            "They lack pairs of this board and are not comparable with other rows.",
            partial,
        ),
    ):
        if rows:
            blocks.append(Block(title, says, tuple(lines[row.label] for row in rows)))
    return [block for block in blocks if block.lines]


def _family(row: Row) -> str:
    return row.block.split(",")[0] or row.card.family


def _distinct(found: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({text for text in found if text}))
