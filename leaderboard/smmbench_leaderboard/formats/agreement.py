"""Write the report of tracker agreement as text, for a terminal and for a page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

from rich.table import Table
from rich.text import Text

from smmbench.display import markdown, plain
from smmbench_leaderboard.board.agreement import (
    Agreement,
    AgreementReport,
    BoardRow,
    Parted,
)
from smmbench_leaderboard.formats.table import NONE, number
from smmbench_leaderboard.formats.terminal import drawn

FEW_COLUMNS = 5
"""Maximum number of columns with an interval on the same line as its number."""

Section = tuple[str, Sequence[str], list[Sequence[str]]]
"""Title, header and rows; the first column is text, the others are numbers."""


def agreement_text(report: AgreementReport) -> str:
    """Write every section as a table, for a terminal."""
    parts: list[Table | Text] = []
    for title, header, rows in _sections(report):
        parts.append(Text(plain(title, longest=600)))
        table = Table(box=None, pad_edge=False)
        for place, name in enumerate(header):
            table.add_column(
                Text(plain(name)),
                justify="right" if place else "left",
                overflow="fold",
                min_width=4,
            )
        for row in rows:
            table.add_row(*(_cell(cell, folded=len(header) > FEW_COLUMNS) for cell in row))
        parts += [table, Text()]
    parts += [Text(plain(sentence, longest=900)) for sentence in caption_of_agreement(report)]
    return drawn(*parts)


def _cell(text: str, folded: bool) -> Text:
    """Format a cell for a terminal; with many columns, the interval is below the number."""
    parts = text.split(" [") if folded else [text]
    return Text("\n[".join(plain(part) for part in parts))


def agreement_markdown(report: AgreementReport) -> str:
    """Write the same as Markdown."""
    lines: list[str] = []
    for title, header, rows in _sections(report):
        lines += [f"**{markdown(title, longest=600)}**", "", _line(header)]
        lines += ["|---" + "|--:" * (len(header) - 1) + "|", *(_line(row) for row in rows), ""]
    lines += [f"{markdown(one, longest=900)}  " for one in caption_of_agreement(report)]
    return "\n".join(lines) + "\n"


def caption_of_agreement(report: AgreementReport) -> Iterator[str]:
    """State what was compared, which orders are reversed, and what the numbers do not show."""
    yield (
        f"{report.dataset} version {report.dataset_version}, grid {report.grid}x{report.grid}: "
        f"{len(report.board)} methods, {report.clips} clips, {report.pairs} pairs of clip, prompt "
        f"and seed each. [95 % intervals over source clips, {report.bootstrap.resamples} "
        "resamples]."
    )
    for one in report.agreements:
        total = len([*combinations(report.board, 2)])
        yield (
            f"{one.first} and {one.second}: the order of {len(one.turned)} of {total} pairs of "
            f"methods is reversed{_named(one.turned)}; {_shown(one)}"
        )
    yield (
        "Agreement is no proof: trackers that share an error agree in it. Within: correlation "
        "after each method's mean is taken off, that is, on which clips it does better."
    )
    yield from report.notes


def _shown(one: Agreement) -> str:
    if one.shown:
        return f"both trackers show opposite orders of{_named(one.shown)}."
    if one.contradicted:
        return (
            "none is significant both ways; one tracker alone shows a difference that the other's "
            f"means reverse in {len(one.contradicted)}{_named(one.contradicted)}."
        )
    return "neither tracker shows a difference in any of these."


def _named(pairs: Sequence[tuple[str, str]], most: int = 6) -> str:
    if not pairs:
        return ""
    more = f", and {len(pairs) - most} more" if len(pairs) > most else ""
    return f" ({', '.join(f'{one} over {other}' for one, other in pairs[:most])}{more})"


def _sections(report: AgreementReport) -> Iterator[Section]:
    names = list(report.trackers)
    yield (
        "Motion fidelity of each method under each tracker, with its rank",
        ("Method", *(cell for name in names for cell in (name, "Rank"))),
        [
            (_label(row), *(cell for name in names for cell in _under(row, name)))
            for row in report.board
        ],
    )
    yield (
        "Correlation of two trackers: of the methods' means, and of all videos",
        ("Trackers", "Kendall", "Spearman", "Videos", "Within", "Difference"),
        [
            (
                f"{one.first} / {one.second}",
                _estimate(one.kendall.value, one.kendall.interval),
                _estimate(one.spearman.value, one.spearman.interval),
                _estimate(one.videos.value, one.videos.interval),
                _estimate(one.within.value, one.within.interval),
                f"{one.difference:+.3f}",
            )
            for one in report.agreements
        ],
    )
    if report.truth:
        yield (
            "Error of each tracker against the true tracks of the sources, in pixels and shares",
            ("Tracker", "Moving", "Still", "Lost", "Unsure", "Clips", "Worst clip"),
            [
                (
                    row.tracker,
                    *(number(value) for value in (row.moving, row.still, row.lost, row.unsure)),
                    str(row.clips),
                    f"{row.worst_clip} {number(row.worst)}" if row.worst_clip else NONE,
                )
                for row in report.truth
            ],
        )
    for one in report.agreements:
        yield from _of_two(one)


def _of_two(one: Agreement) -> Iterator[Section]:
    about = f"{one.first} and {one.second}"
    if one.parts:
        yield (
            f"{about}, by parts of the clips",
            ("Part", "Kendall", "Mean |difference|", "Clips", "Pairs"),
            [
                (
                    f"{part.of}: {part.name}",
                    number(part.kendall),
                    number(part.difference),
                    str(part.clips),
                    str(part.pairs),
                )
                for part in one.parts
            ],
        )
    if one.videos_apart:
        yield (
            f"{about}: the videos on which they part most",
            ("Video", one.first, one.second, "Difference"),
            [
                (_video(part), number(part.first), number(part.second), f"{part.difference:+.3f}")
                for part in one.videos_apart
            ],
        )
        yield (
            f"{about}: the clips on which they part most",
            ("Clip", one.first, one.second, "Mean |difference|"),
            [
                (part.clip, number(part.first), number(part.second), number(part.difference))
                for part in one.clips_apart
            ],
        )


def _label(row: BoardRow) -> str:
    return f"{row.label} ({row.kind})" if row.kind == "control" else row.label


def _under(row: BoardRow, name: str) -> tuple[str, str]:
    return _estimate(row.mean[name], row.interval.get(name)), str(row.rank[name])


def _video(part: Parted) -> str:
    return f"{part.method} {part.clip}/{part.edit}/{part.seed}"


def _estimate(value: float | None, interval: tuple[float, float] | None) -> str:
    ends = f" [{number(interval[0])}, {number(interval[1])}]" if interval else ""
    return f"{number(value)}{ends}"


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(markdown(cell) for cell in cells) + " |"
