"""Write the cards of a board's methods as Markdown, with their measured cost."""

from __future__ import annotations

from smmbench.display import markdown
from smmbench_leaderboard.board.types import Board, Row
from smmbench_leaderboard.literature.printed import Printed, method_of, printed_of

LONGEST = 1000  # characters of a fact


def to_cards(board: Board) -> str:
    """Write one section per method, in the board's order; unknown facts are omitted."""
    return "\n".join(_card(board, row) for row in board.rows)


def _card(board: Board, row: Row) -> str:
    card = row.card
    facts = {
        "Kind": card.kind,
        "Paper": card.paper,
        "Code": card.code,
        "Licence": card.licence,
        "Settings confirmed by the authors": card.approved_by,
        "Published": f"{row.ledger}, {row.tier}" if row.ledger else "",
        "Backbone": card.backbone,
        "Original backbone": card.original,
        "Default values": card.values,
        "Presets": card.tuned,
        "Parameters here": _parameters(row),
        "Seconds per pair": "" if row.seconds is None else f"{row.seconds:.3g}, measured",
        "Peak memory": "" if row.peak_gib is None else f"{row.peak_gib:.1f} GiB, measured",
        "Device": ", ".join(row.devices),
        **_figures(board, row),
        "Pairs": f"{row.coverage.done} of {row.coverage.expected} of {board.dataset}",
        "Notes": card.notes,
    }
    printed = [_printed(one) for one in printed_of(method_of(row.entry, card.paper))]
    lines = [f"### {markdown(row.label)}: {markdown(card.title)}", ""]
    lines += [f"- {name}: {markdown(fact, LONGEST)}" for name, fact in facts.items() if fact]
    lines += [f"- Printed elsewhere, on other data: {markdown(one, LONGEST)}" for one in printed]
    return "\n".join([*lines, ""])


def _printed(one: Printed) -> str:
    """Format a value that a paper prints, with the paper and how it was read."""
    numbers = {"motion": one.motion, "text": one.text}
    said = ", ".join(f"{name} {value:.3f}" for name, value in numbers.items() if value is not None)
    backbone = f", {one.value.backbone}" if one.value.backbone else ""
    return f"{said} ({one.table.paper}, {one.table.table}{backbone}; {one.table.data}; {one.read})"


def _figures(board: Board, row: Row) -> dict[str, str]:
    found = {column.title: row.cells[column.name].mean for column in board.columns}
    return {markdown(title): f"{mean:.3f}" for title, mean in found.items() if mean is not None}


def _parameters(row: Row) -> str:
    return ", ".join(
        f"{name}={value}" for name, value in row.parameters.items() if value not in ("", None)
    )
