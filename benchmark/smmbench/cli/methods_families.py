"""`smmbench methods families`: which method is defined on which family of backbones."""

from __future__ import annotations

from typing import Annotated

import typer

from smmbench.display import print_json, print_line
from smmbench.options import Json


def families(
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Print the table with its notes as Markdown.")
    ] = False,
    json: Json = False,
) -> None:
    """Show on which families of backbones every method is defined.

    `original`: on the paper's kind of network; `ported`: the same idea on another kind;
        `undefined`:
    the network lacks what the method needs, and the method rejects it.
    """
    from rich.table import Table

    from smmbench.display import print_table

    found = supports()
    names = list(next(iter(found.values()), {}))
    if json:
        print_json(found)
    elif markdown:
        for line in markdown_table(found):
            print_line(line)
    else:
        table = Table("method", *names, box=None)
        for method, support in found.items():
            table.add_row(method, *(support[name].partition(":")[0] for name in names))
        print_table(table)


def supports() -> dict[str, dict[str, str]]:
    """Status of each method on each family, in words; methods without a backbone are omitted.

    Methods with the same status share an entry, in the order of their names.
    """
    from smmbench.cli.kept_descriptions import described_methods

    return {one.name: one.families for one in described_methods() if one.families}


def markdown_table(found: dict[str, dict[str, str]]) -> list[str]:
    """One row per method: status in each family, with notes; equal methods share a row."""
    names = list(next(iter(found.values()), {}))
    alike: dict[tuple[str, ...], list[str]] = {}
    for method, support in found.items():
        alike.setdefault(tuple(support[name] for name in names), []).append(method)
    lines = [f"| method | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    for cells, methods in alike.items():
        shown = (cell.replace("|", "\\|") for cell in cells)
        lines.append(f"| {', '.join(f'`{m}`' for m in methods)} | {' | '.join(shown)} |")
    return lines
