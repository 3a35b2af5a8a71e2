"""The pair viewer, one page for all boards, and the data that it reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from smmbench.display import plain
from smmbench.marks import RULES
from smmbench_leaderboard.board.types import Row
from smmbench_leaderboard.site.frame import SiteBoard
from smmbench_leaderboard.site.naming import slug
from smmbench_leaderboard.site.pair_columns import STATUSES, columns_of_pairs
from smmbench_leaderboard.site.rendering import NAME, Site, write_page
from smmbench_leaderboard.site.scripts import rounded_all, write_data


def write_viewer(to: Site, boards: Sequence[SiteBoard]) -> None:
    """Write the page; boards without any preview are left out."""
    facts = {"boards": choices(boards), "nav": "pairs"}
    write_page(to, "pairs.html", "viewer.html.j2", facts)


def choices(boards: Sequence[SiteBoard]) -> list[tuple[str, str]]:
    """Return key and name of each board, for the list of boards."""
    return [
        (site.key, plain(f"{site.board.dataset} {site.entry_name}".strip(), NAME))
        for site in boards
    ]


def write_board_data(folder: Path, site: SiteBoard) -> None:
    """Write the data of viewer and comparison: rows, columns, clips and pairs of a board."""
    board = site.board
    content = {
        "dataset": board.dataset,
        "columns": [
            {"name": column.name, "title": column.title}
            for column in board.columns
            if column.scored
        ],
        "rows": [_row(site, row) for row in board.rows],
        "rules": {rule.name: rule.title for rule in RULES},
        "seeds": sorted({key[2] for key in site.keys}),
        "clips": _clips(site),
        "pairs": [f"{slug(clip)}/{slug(edit)}/{seed}" for clip, edit, seed in site.keys],
    }
    name = f"board/{site.key}"
    write_data(folder / site.key / "data" / "board.js", name, content)
    for row in board.rows:
        write_data(
            folder / site.key / "data" / f"{slug(row.label)}.js",
            f"row/{site.key}/{slug(row.label)}",
            _values(site, row),
        )


def _row(site: SiteBoard, row: Row) -> dict[str, Any]:
    """Describe a row; `clips` names those with a file, unless all have one."""
    about: dict[str, Any] = {
        "label": plain(row.label, NAME),
        "slug": slug(row.label),
        "kind": row.card.kind,
        "block": row.block,
    }
    there = {key[0] for key in columns_of_pairs(row).keys} if row.label in site.evidence else set()
    if there != {key[0] for key in site.keys}:
        about["clips"] = sorted(map(slug, there))
    return about


def _clips(site: SiteBoard) -> list[dict[str, Any]]:
    """List the clips of the board's pairs with their edits, in order."""
    captions = {}
    if site.dataset is not None:
        captions = {clip.name: clip.prompt for clip in site.dataset.manifest.clips}
    edits: dict[str, dict[str, None]] = {}
    for clip, edit, _ in site.keys:
        edits.setdefault(clip, {})[edit] = None
    found = []
    for clip, names in edits.items():
        sheet = site.sheets.get(clip)
        about: dict[str, Any] = {
            "name": clip,
            "slug": slug(clip),
            "prompt": plain(captions.get(clip, ""), 400),
            "source": site.sources.get(clip, ""),
            "edits": [
                {"name": edit, "slug": slug(edit), "prompt": plain(site.prompt(clip, edit), 400)}
                for edit in names
            ],
        }
        if sheet is not None:
            about["sheet"] = asdict(sheet) | {"whole": round(sheet.width / sheet.scale)}
        found.append(about)
    return found


def _values(site: SiteBoard, row: Row) -> dict[str, Any]:
    """List the values of a row's pairs, in the order of the board's pairs."""
    pairs = columns_of_pairs(row)
    place = {key: at for at, key in enumerate(pairs.keys)}
    order = [place.get(key) for key in site.keys]
    letters = "".join(
        "." if at is None else STATUSES[pairs.status[at]][0] for at in order
    )  # done, failed, missing, unscored
    values = {}
    for name in pairs.names:
        column = rounded_all(pairs.column(name))
        values[name] = [None if at is None else column[at] for at in order]
    return {"status": letters, "values": values}
