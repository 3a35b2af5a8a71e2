"""Write the report of selectivity as text, for a terminal, a page or a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence

from rich.table import Table
from rich.text import Text

from smmbench.display import csv_cell, markdown, plain
from smmbench_leaderboard.board.selectivity import AGAINST
from smmbench_leaderboard.board.selectivity_report import SelectiveRow, SelectivityReport
from smmbench_leaderboard.board.types import Selective
from smmbench_leaderboard.formats.table import NONE, number
from smmbench_leaderboard.formats.terminal import drawn

GIVEN = ("forward", "reversed", "other", "none")


def selectivity_text(report: SelectivityReport) -> str:
    """Write one line per method and the caption for a terminal, then S by parts of the pairs."""
    table = Table(box=None, pad_edge=False)
    for place, title in enumerate(_header(report)):
        table.add_column(Text(title), justify="right" if place else "left", no_wrap=True)
    for row in report.rows:
        table.add_row(*(Text(plain(cell)) for cell in _cells(report, row)))
    caption = (Text(plain(sentence, longest=600)) for sentence in caption_of_selectivity(report))
    return drawn(table, Text(), *caption)


def selectivity_markdown(report: SelectivityReport) -> str:
    """Write the same as a Markdown table, with the table of parts below it."""
    header = _header(report)
    lines = [_line(header), "|---" + "|--:" * (len(header) - 1) + "|"]
    lines += [_line(_cells(report, row)) for row in report.rows]
    lines += ["", *(f"{markdown(one, longest=600)}  " for one in caption_of_selectivity(report))]
    parts = list(_parts(report))
    if parts:
        lines += ["", _line(_PARTS), "|---" * 4 + "|--:" * 3 + "|", *(_line(one) for one in parts)]
    return "\n".join(lines) + "\n"


def selectivity_csv(report: SelectivityReport) -> str:
    """Write one line per method, other reference and part; the part `all` has all pairs."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        ["method", "kind", "against", "division", "part", "mean", "low", "high", "pairs", "clips"]
    )
    for row in report.rows:
        for against, one in row.selectivity.items():
            about = [csv_cell(row.label), row.kind, against]
            low, high = one.interval or (None, None)
            writer.writerow([*about, "", "all", one.mean, low, high, one.pairs, one.clips])
            for part in row.strata.get(against, ()):
                low, high = part.interval or (None, None)
                numbers = [part.mean, low, high, part.pairs, part.clips]
                writer.writerow([*about, part.of, csv_cell(part.name), *numbers])
    return text.getvalue()


def caption_of_selectivity(report: SelectivityReport) -> Iterator[str]:
    """State what the numbers are, which clips are left out, and the notes of the report."""
    yield (
        f"{report.dataset} version {report.dataset_version}. S: 1 for copies of the references, 0 "
        "for a method that ignores its reference, below 0 for one that moves the other way; mean "
        "[95 % interval over source clips], pairs."
    )
    yield (
        "Motion: fidelity to the clip's own motion, by the reference that was given. Loss falls: "
        "by how much guidance lowers its loss within its steps; a method whose loss falls while S "
        "is 0 transfers nothing."
    )
    for against, alike in report.alike.items():
        left_out = [clip for clip, value in alike.items() if value > report.same_motion]
        if left_out:
            yield (
                f"Left out against {against}, as the two references have a motion fidelity above "
                f"{report.same_motion:g} to each other: {', '.join(left_out)}."
            )
    yield from report.notes


def _against(report: SelectivityReport) -> list[str]:
    return [one for one in AGAINST if any(one in row.selectivity for row in report.rows)]


def _given(report: SelectivityReport) -> list[str]:
    return [one for one in GIVEN if any(one in row.motion for row in report.rows)]


def _has_loss(report: SelectivityReport) -> bool:
    return any(row.loss_falls for row in report.rows)


def _header(report: SelectivityReport) -> list[str]:
    return [
        "Method",
        *(f"S, {against}" for against in _against(report)),
        *(f"Motion, {given}" for given in _given(report)),
        *(["Loss falls"] if _has_loss(report) else []),
    ]


def _cells(report: SelectivityReport, row: SelectiveRow) -> list[str]:
    losses = ", ".join(f"{row.loss_falls[given]:.0%}" for given in GIVEN if given in row.loss_falls)
    return [
        row.label,
        *(_selective(row.selectivity.get(against)) for against in _against(report)),
        *(number(row.motion.get(given)) for given in _given(report)),
        *([losses or NONE] if _has_loss(report) else []),
    ]


def _selective(one: Selective | None) -> str:
    return NONE if one is None else f"{_interval(one.mean, one.interval)}, {one.pairs}"


def _interval(mean: float, interval: tuple[float, float] | None) -> str:
    ends = "" if interval is None else f" [{number(interval[0])}, {number(interval[1])}]"
    return f"{number(mean)}{ends}"


_PARTS = ("Method", "Against", "Division", "Part", "S", "Pairs", "Clips")


def _parts(report: SelectivityReport) -> Iterator[Sequence[str]]:
    for row in report.rows:
        for against, parts in row.strata.items():
            for one in parts:
                s = _interval(one.mean, one.interval)
                yield row.label, against, one.of, one.name, s, str(one.pairs), str(one.clips)


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(markdown(cell) for cell in cells) + " |"
