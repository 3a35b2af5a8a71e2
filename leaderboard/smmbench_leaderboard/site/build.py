"""Build the site: one folder of pages, data and previews, from results or from a ledger."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib.resources import as_file, files
from pathlib import Path

from smmbench.dataset import load_dataset
from smmbench_leaderboard.board.reading import Results
from smmbench_leaderboard.board.types import Row
from smmbench_leaderboard.ledger.entries import taken_down
from smmbench_leaderboard.site.clip_classes import class_cells, classes_of
from smmbench_leaderboard.site.evidence import keep_evidence, keep_sources
from smmbench_leaderboard.site.frame import Evidence, SiteBoard
from smmbench_leaderboard.site.from_ledger import entries_of, entry_frame, standing_frame
from smmbench_leaderboard.site.from_results import datasets_in, read_frame
from smmbench_leaderboard.site.machine.board_files import write_board_files
from smmbench_leaderboard.site.machine.feed import write_feed
from smmbench_leaderboard.site.machine.link_card import write_link_card
from smmbench_leaderboard.site.naming import slug
from smmbench_leaderboard.site.pages.board import write_board
from smmbench_leaderboard.site.pages.clip import write_clips
from smmbench_leaderboard.site.pages.compare import write_compare
from smmbench_leaderboard.site.pages.datasheet import write_datasheet
from smmbench_leaderboard.site.pages.entries import write_entries
from smmbench_leaderboard.site.pages.method import write_method
from smmbench_leaderboard.site.pages.printed import write_printed
from smmbench_leaderboard.site.pages.reading import write_reading
from smmbench_leaderboard.site.pages.viewer import write_board_data, write_viewer
from smmbench_leaderboard.site.rendering import Site
from smmbench_leaderboard.site.scripts import rounded, write_data

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Built:
    """A site that was written.

    Attributes:
        folder: Folder of the site.
        boards: Names of its boards.
        rows: Number of rows, methods and controls, on all boards.
    """

    folder: Path
    boards: tuple[str, ...]
    rows: int


def site_of_ledger(
    ledger: Path,
    folder: Path,
    datasets: Sequence[str] = (),
    tell: Tell = lambda _: None,
    address: str = "",
    small: bool = False,
) -> Built:
    """Build the site of a ledger: boards of the current rows, and every entry as published.

    Args:
        ledger: Folder of the ledger.
        folder: Folder of the site.
        datasets: Names or manifest paths, in the order of the boards; empty for all.
        tell: Called with each line of progress.
        address: Where the site will be published; empty if that is not known.
        small: Only the rows that stand, without the files that have every pair.

    Raises:
        ValueError: There is no entry, an entry cannot be read, or a dataset has no current row.
    """
    entries = entries_of(ledger)
    names = datasets or list(dict.fromkeys(entry.split("/")[0] for entry in entries))
    boards = [standing_frame(ledger, name) for name in names]
    shown = {site.board.dataset for site in boards}
    if not small:
        boards += [entry_frame(ledger, entry) for entry in entries if entry.split("/")[0] in shown]
    return write_site(boards, folder, tell, ledger, address, pairs=not small)


def site_of_results(
    results: Path,
    folder: Path,
    datasets: Sequence[str] = (),
    metrics: Sequence[str] = (),
    ledger: Path | None = None,
    tell: Tell = lambda _: None,
    address: str = "",
    check_videos: bool = True,
) -> Built:
    """Build the site of a results folder: one board per dataset, the one with most rows first.

    Args:
        results: The results folder.
        folder: Folder of the site; existing previews in it are kept.
        datasets: Names or manifest paths, in the order of the boards; empty for all.
        metrics: Names of metrics to show besides the two axes, for datasets that have them.
        ledger: Folder of a ledger, whose published rows are shown next to the results and whose
            entries have their own pages.
        tell: Called with each line of progress.
        address: Where the site will be published; empty if that is not known.
        check_videos: As for `read_results`; existing previews are shown even if a video is missing.

    Raises:
        ValueError: There are no results or no scores, or scores were computed under different
            conditions.
    """
    names = list(datasets) or datasets_in(results)
    if not names:
        raise ValueError(f"No results in '{results}'. Generate some with `smmbench run`.")

    hidden = taken_down(ledger) if ledger is not None else frozenset()
    boards = []
    for name in names:
        tell(f"Reading the results of '{name}', and creating missing previews.")
        key = slug(load_dataset(name).manifest.name)

        def visit(found: Results, row: Row, key: str = key) -> Evidence:
            return keep_evidence(folder, key, found, row, hidden)

        frame = read_frame(
            results, name, visit, metrics=metrics, ledger=ledger, check_videos=check_videos
        )
        boards.append(replace(frame, sources=keep_sources(folder, frame)))
    if not datasets:
        boards.sort(key=lambda site: (-len(site.board.rows), site.key))
    if ledger is not None:
        shown = {site.board.dataset for site in boards}
        entries = [one for one in entries_of(ledger) if one.split("/")[0] in shown]
        boards += [entry_frame(ledger, entry) for entry in entries]
    return write_site(boards, folder, tell, ledger, address)


def write_site(
    boards: Sequence[SiteBoard],
    folder: Path,
    tell: Tell,
    ledger: Path | None = None,
    address: str = "",
    pairs: bool = True,
) -> Built:
    """Write all pages of some boards, and their files for programs.

    Raises:
        ValueError: The address is not an HTTP address.
    """
    if address and not address.startswith(("https://", "http://")):
        raise ValueError(f"'{address}' is not the address of a site; give https://HOST/PATH/.")
    address = address.rstrip("/") + "/" if address else ""
    folder.mkdir(parents=True, exist_ok=True)
    _copy_assets(folder / "assets")
    seen = [site for site in boards if site.media]
    entries = any(site.entry for site in boards)
    card = write_link_card(folder, boards[0])
    whole = Site(folder, bool(seen), entries, address, card, pairs)
    for place, site in enumerate(boards):
        to = whole if place == 0 else replace(whole, card=write_link_card(folder, site))
        page = "index.html" if place == 0 else f"{site.key}/index.html"
        write_board(to, page, site, [one for one in boards if not one.entry])
        write_board_files(folder, page, site, pairs)
        write_datasheet(to, site)
        write_board_data(folder, site)
        _write_classes(folder, site)
        for row in site.board.rows:
            write_method(to, site, row, page)
        tell(f"{site.key}: {len(site.board.rows)} rows.")
    write_reading(whole, boards[0])
    write_clips(whole, boards)
    write_compare(whole, boards)
    write_entries(whole, boards)
    write_printed(whole)
    if ledger is not None:
        write_feed(folder, ledger, boards, address)
    if seen:
        write_viewer(whole, seen)
    return Built(
        folder=folder,
        boards=tuple(site.key for site in boards),
        rows=sum(len(site.board.rows) for site in boards),
    )


def _copy_assets(target: Path) -> None:
    with as_file(files("smmbench_leaderboard.site") / "assets") as assets:
        shutil.copytree(assets, target, dirs_exist_ok=True)


def _write_classes(folder: Path, site: SiteBoard) -> None:
    """Write the means over every class of clips, for the filter of the board page."""
    if site.dataset is None:
        return
    content: dict[str, dict[str, dict[str, list[float | None]]]] = {}
    for one in classes_of(site.dataset, site.keys):
        of: dict[str, dict[str, list[float | None]]] = {}
        for row in site.board.rows:
            cells = class_cells(site.board, row, one)
            of[row.label] = {name: [rounded(v) for v in cell] for name, cell in cells.items()}
        content[one.key] = of
    write_data(folder / site.key / "data" / "classes.js", f"classes/{site.key}", content)
