"""`smmbench doctor`: check this installation and list what is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from smmbench.display import print_json, print_line
from smmbench.display.examples import examples
from smmbench.options import Json

if TYPE_CHECKING:
    from smmbench.doctor import Check


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("doctor", epilog=examples("smmbench doctor", "smmbench doctor --online --json"))(
        doctor
    )


def doctor(
    online: Annotated[
        bool,
        typer.Option(
            "--online", envvar="SMMBENCH_ONLINE", help="Also check whether the hub answers."
        ),
    ] = False,
    json: Json = False,
) -> None:
    """Check this installation and list what is missing.

    Checks packages, devices, codecs, hub, weights, trackers, datasets and disk space.

    Nothing is changed or downloaded, and no network is used without --online.

    Exit code: 0 the embedded worlds can run here, 1 one cannot, 2 incorrect usage.
    """
    import dataclasses

    from smmbench.doctor import embedded_world_runs, examine

    checks = list(examine(online))
    runs = embedded_world_runs(checks)
    if json:
        rows = [dataclasses.asdict(check) for check in checks]
        print_json({"embedded_world_runs": runs, "checks": rows})
    else:
        _print_findings(checks)
    if runs:
        command = "smmbench run --method smm --dataset emoji-wan --preset emoji-wan-fast --limit 2"
        print_line(f"The embedded worlds can run here: {command}", err=True)
    else:
        broken = [check.name for check in checks if check.needed and check.state != "works"]
        print_line(f"The embedded worlds cannot run here: {', '.join(broken)}.", err=True)
    raise typer.Exit(0 if runs else 1)


def _print_findings(checks: list[Check]) -> None:
    from rich.table import Table
    from rich.text import Text

    from smmbench.display import print_table

    styles = {"works": "green", "not here": "yellow", "broken": "red"}
    table = Table("check", "state", "what is here", box=None)
    for check in checks:
        table.add_row(Text(check.name), Text(check.state, styles[check.state]), Text(check.found))
    print_table(table)
    for check in checks:  # below and unwrapped: commands and addresses are there to be copied
        if check.mend:
            print_line(f"{check.name}: {check.mend}")
