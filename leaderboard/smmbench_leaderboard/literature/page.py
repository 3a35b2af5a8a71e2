"""The printed values as a page of the documentation: `python -m` this module prints it."""

from __future__ import annotations

from smmbench.display import print_document
from smmbench_leaderboard.literature.contradictions import Reversal, reversals, spread_of
from smmbench_leaderboard.literature.printed import (
    AXES,
    Axis,
    Printed,
    PrintedTable,
    printed_tables,
    shown_name,
)

NONE = "\N{EN DASH}"
TITLES: dict[Axis, str] = {"motion": "motion fidelity", "text": "text similarity"}
HEAD = """# Values printed in papers

What papers print for methods of motion transfer, beside which the site and the cards show what is
measured here. This page is written by `python -m smmbench_leaderboard.literature.page`, from
[values.toml](../smmbench_leaderboard/literature/values.toml); each row there states its source.

**These numbers do not compare with each other or with a board.** They are of other clips, other
backbones, other trackers and other text models. They are here so that a reader finds them, and so
that it can be seen how far they contradict each other.

Papers could not be downloaded where this was written. A value is read off a published plot, or from
somebody's transcription of the table; "not confirmed" says that there was one transcription only.
"""


def page() -> str:
    """The page as Markdown."""
    tables = printed_tables()
    return "\n".join([HEAD, *_spreads(tables), *_orders(tables), *_all(tables)])


def order_text(one: Reversal) -> str:
    """An order that turns round, as a sentence."""
    first, second = shown_name(one.first), shown_name(one.second)
    return f"{first} above {second}: {_papers(one.ahead)}. Below: {_papers(one.behind)}."


def _papers(tables: tuple[PrintedTable, ...]) -> str:
    return "; ".join(dict.fromkeys(table.paper for table in tables))


def _spreads(tables: tuple[PrintedTable, ...]) -> list[str]:
    lines = ["## One method, several papers", ""]
    lines += ["| method | axis | lowest | highest | papers |", "|---|---|---|---|--:|"]
    for work in dict.fromkeys(value.method for table in tables for value in table.values):
        for axis in AXES:
            if spread := spread_of(work, axis):
                low, high = spread.lowest.table.paper, spread.highest.table.paper
                lines.append(
                    f"| {shown_name(work)} | {TITLES[axis]} | {spread.low:.3f}, {low} | "
                    f"{spread.high:.3f}, {high} | {spread.papers} |"
                )
    return [*lines, ""]


def _orders(tables: tuple[PrintedTable, ...]) -> list[str]:
    lines = ["## Orders that turn round", ""]
    for axis in AXES:
        lines += [f"By {TITLES[axis]}:", ""]
        lines += [*(f"- {order_text(one)}" for one in reversals(tables, axis)), ""]
    return lines


def _all(tables: tuple[PrintedTable, ...]) -> list[str]:
    lines = ["## All tables", ""]
    for table in tables:
        facts = [
            f"data: {table.data}",
            f"motion score: {table.motion}",
            *([f"tracker: {table.tracker}"] if table.tracker else []),
            f"text model: {table.text_model}",
        ]
        lines += [f"### {table.paper}: {table.table}", ""]
        lines += [f"<{table.address}>; {'; '.join(facts)}. Read from {_sources(table)}.", ""]
        lines += [table.note, ""] if table.note else []
        lines += ["| method | backbone | motion | text | read |", "|---|---|--:|--:|---|"]
        for value in table.values:
            one = Printed(table=table, value=value)
            lines.append(
                f"| {value.printed} | {value.backbone or NONE} | {_number(one.motion)} | "
                f"{_number(one.text)} | {one.read} |"
            )
        lines.append("")
    return lines


def _sources(table: PrintedTable) -> str:
    return " and ".join(f"<{one}>" if one.startswith("http") else one for one in table.read_from)


def _number(value: float | None) -> str:
    return NONE if value is None else f"{value:.4g}"


if __name__ == "__main__":
    print_document(page())
