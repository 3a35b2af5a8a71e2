"""Files next to the page of a board: all numbers for programs, and references to cite."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from smmbench.storage.atomic import atomic_path, write_text
from smmbench_leaderboard.board.types import Row
from smmbench_leaderboard.formats import to_bibtex, to_csv
from smmbench_leaderboard.formats.pairs import write_pairs_csv
from smmbench_leaderboard.site.frame import SiteBoard
from smmbench_leaderboard.site.naming import slug

SCHEMA = 1  # raised whenever programs that read these files must change
BOARD, ROWS, PAIRS, WORKS = "board.json", "board.csv", "pairs.csv", "references.bib"
OF_BOARD = ("schema_version", "dataset", "dataset_version", "manifest_sha256", "protocol", "scope")


def write_board_files(folder: Path, page: str, site: SiteBoard, pairs: bool = True) -> None:
    """Write the files of a board next to its page, and one JSON file for each of its rows.

    Only one row's pairs are in memory at a time.

    Args:
        folder: Folder of the site.
        page: Path of the board's page in the site.
        site: The board.
        pairs: Whether to write the files that contain every pair, too.
    """
    place = (folder / page).parent
    place.mkdir(parents=True, exist_ok=True)
    root = "../" * page.count("/")
    write_text(place / BOARD, _json(board_content(site, root, pairs)))
    write_text(place / ROWS, to_csv(site.board))
    write_text(place / WORKS, to_bibtex(site.board))
    if not pairs:
        return
    with atomic_path(place / PAIRS) as temporary:
        write_pairs_csv(site.board, temporary)
    for row in site.board.rows:
        write_text(folder / row_file(site, row), _json(row_content(site, row)))


def row_file(site: SiteBoard, row: Row) -> str:
    """Return the path of a row's JSON file in the site."""
    return f"{site.key}/methods/{slug(row.label)}.json"


def board_content(site: SiteBoard, root: str = "", pairs: bool = True) -> dict[str, Any]:
    """Return the content of `board.json`: everything except the pairs, which the rows' files hold.

    Args:
        site: The board.
        root: Relative path from the file to the site's folder, with which addresses begin.
        pairs: Whether each row has a file with its pairs.
    """
    board = site.board
    rows = []
    for row in board.rows:
        file = {"file": root + row_file(site, row)} if pairs else {}
        rows.append(_row(row) | {"became": site.became.get(row.label, "")} | file)
    about = {"site_schema": SCHEMA, "ledger_entry": site.entry}
    return about | board.model_dump(mode="json", exclude={"rows"}) | {"rows": rows}


def row_content(site: SiteBoard, row: Row) -> dict[str, Any]:
    """Return the content of a row's JSON file, with all its pairs and the column meanings."""
    board = site.board
    about = {"site_schema": SCHEMA, "ledger_entry": site.entry, "smmbench": board.smmbench}
    shared = board.model_dump(mode="json", include={*OF_BOARD, "bootstrap", "columns"})
    pairs = [pair.model_dump(mode="json") for pair in row.pairs]
    became = {"became": site.became.get(row.label, "")}
    return about | shared | {"row": _row(row) | became | {"pairs": pairs}}


def _row(row: Row) -> dict[str, Any]:
    return row.model_dump(mode="json", exclude={"pairs"})


def _json(content: dict[str, Any]) -> str:
    """Encode as ASCII, so that no character can act on a terminal."""
    return json.dumps(content, indent=1, allow_nan=False) + "\n"
