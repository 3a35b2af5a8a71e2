"""`smmbench methods`: list methods, and show their parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from smmbench.cli import methods_check, methods_families, methods_new, methods_setup
from smmbench.display import print_json, print_line
from smmbench.display.commands import Commands
from smmbench.display.examples import examples
from smmbench.options import Json

if TYPE_CHECKING:
    from rich.console import Console

    from smmbench.cli.method_description import MethodDescription


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    methods = typer.Typer(
        cls=Commands,
        no_args_is_help=True,
        help="List, show, check, create and set up methods.",
        epilog=examples(
            "smmbench methods list",
            "smmbench methods show smm",
            "smmbench methods new my_method.py",
        ),
    )
    methods.command(
        "list", epilog=examples("smmbench methods list", "smmbench methods list --json")
    )(list_methods)
    methods.command(
        "show",
        epilog=examples(
            "smmbench methods show smm", "smmbench methods show my_method.py:MyMethod --json"
        ),
    )(show_method)
    methods.command(
        "families",
        epilog=examples("smmbench methods families", "smmbench methods families --markdown"),
    )(methods_families.families)
    methods.command(
        "setup",
        epilog=examples(
            "smmbench methods setup official-smm",
            "smmbench methods setup official-smm --repository copies/smm --python python3.10",
        ),
    )(methods_setup.setup_method)
    methods.command(
        "check",
        epilog=examples(
            "smmbench methods check my_method.py:MyMethod --quick",
            "smmbench methods check sdedit --set noise_level=0.7",
        ),
    )(methods_check.check)
    methods.command(
        "new",
        epilog=examples(
            "smmbench methods new my_method.py",
            "smmbench methods new my_guidance.py --template diffusion",
        ),
    )(methods_new.new)
    app.add_typer(methods, name="methods")


def list_methods(json: Json = False) -> None:
    """List every installed method; one that does not load is shown with its error.

    Exit code: 0 all of them load, 1 one does not.
    """
    from pydantic_core import to_jsonable_python
    from rich.table import Table

    from smmbench.cli.kept_descriptions import described_methods
    from smmbench.display import print_table

    described = described_methods()
    broken = [method for method in described if method.error]
    if json:
        print_json(to_jsonable_python(described))
    else:
        table = Table("method", "kind", "title", "presets", "from", box=None)
        for place in (2, 3):  # titles and lists of presets; names are never folded
            table.columns[place].overflow = "fold"
        table.columns[4].no_wrap = True
        for method in described:
            kind, title = (method.card.kind, method.card.title) if method.card else ("broken", "")
            table.add_row(method.name, kind, title, ", ".join(method.presets), method.distribution)
        print_table(table)
    for method in broken:
        print_line(method.error, err=True)
    raise typer.Exit(1 if broken else 0)


def show_method(
    name: Annotated[str, typer.Argument(help="Name of a method, or path.py:Class.")],
    json: Json = False,
) -> None:
    """Show a method's card, parameters, presets, and search space for tuning."""
    from pydantic_core import to_jsonable_python

    from smmbench.cli.method_description import describe
    from smmbench.display import console

    method = describe(name)
    if json:
        print_json(to_jsonable_python(method))
    else:
        _print_method(console(), method)


def _print_method(out: Console, method: MethodDescription) -> None:
    import dataclasses

    from rich.table import Table
    from rich.text import Text

    from smmbench.display import print_table

    card = method.card
    assert card is not None
    out.print(Text(f"{method.name}: {card.title}", style="bold"))
    facts = {"from": method.distribution} | {
        field.name.replace("_", " "): _as_set(getattr(card, field.name))
        for field in dataclasses.fields(card)
        if field.name != "title"
    }
    if method.deterministic:
        facts["seeds"] = "make no difference"
    about = Table.grid(padding=(0, 2))
    for fact, value in facts.items():
        if value not in ("", "none"):
            about.add_row(Text(fact), Text(value))
    out.print(about)
    if method.parameters:
        table = Table("parameter", "default", "type", "meaning", box=None, pad_edge=False)
        for column in table.columns[1:]:
            column.overflow = "fold"
        for one in method.parameters:
            cells = (one.name, _as_set(one.default), one.type, one.help)
            table.add_row(*(Text(cell) for cell in cells))
        out.print()
        print_table(table)
    if method.families:
        backbones = Table("backbone", "here", box=None, pad_edge=False)
        for family, support in method.families.items():
            backbones.add_row(Text(family), Text(support))
        out.print()
        print_table(backbones)
    for name, preset in method.presets.items():
        settings = " ".join(f"{key}={_as_set(value)}" for key, value in preset.items())
        out.print()
        out.print(Text(f"--preset {name}: {settings or 'the defaults'}"))
    if method.search:
        space = ", ".join(f"{name} ({values})" for name, values in method.search.items())
        out.print()
        out.print(Text(f"smmbench tune: {space}"))


def _as_set(value: object) -> str:
    """A value as `--set` takes it."""
    if isinstance(value, (list, tuple)):
        return ",".join(str(part) for part in value)
    return str(value).lower() if value is None or isinstance(value, bool) else str(value)
