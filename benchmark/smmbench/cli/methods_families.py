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
    """Show how every method stands to every family of backbones.

    `original`: on the paper's kind of network; `ported`: the same idea on another; `undefined`: the
    network has nothing that the idea speaks of, and the method refuses it.
    """
    from rich.table import Table

    from smmbench.display import console

    found = supports()
    names = list(next(iter(found.values()), {}))
    if json:
        print_json(found)
    elif markdown:
        for line in markdown_table(found):
            print_line(line)
    else:
        table = Table("method", *names, box=None)
        table.columns[0].no_wrap = True
        for method, support in found.items():
            table.add_row(method, *(support[name].partition(":")[0] for name in names))
        console().print(table, markup=False)


def supports() -> dict[str, dict[str, str]]:
    """By method and family, how it stands to it, in words; methods without a backbone are left out.

    Methods that stand alike are found under their names, in the order of the names.
    """
    from smmbench.cli.method_description import describe_all

    return {one.name: one.families for one in describe_all() if one.families}


def markdown_table(found: dict[str, dict[str, str]]) -> list[str]:
    """A row a method: status in each family, and its notes; those that stand alike share a row."""
    names = list(next(iter(found.values()), {}))
    alike: dict[tuple[str, ...], list[str]] = {}
    for method, support in found.items():
        alike.setdefault(tuple(support[name] for name in names), []).append(method)
    lines = [f"| method | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    for cells, methods in alike.items():
        shown = (cell.replace("|", "\\|") for cell in cells)
        lines.append(f"| {', '.join(f'`{m}`' for m in methods)} | {' | '.join(shown)} |")
    return lines
