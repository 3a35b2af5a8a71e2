"""`smmbench trackers`: list trackers, and check one."""

from __future__ import annotations

from typing import Annotated

import typer

from smmbench.display import print_json, print_line
from smmbench.display.commands import Commands
from smmbench.display.examples import examples
from smmbench.options import Device, Json


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    trackers = typer.Typer(
        cls=Commands,
        no_args_is_help=True,
        help="List and check trackers.",
        epilog=examples("smmbench trackers list", "smmbench trackers check dis"),
    )
    trackers.command(
        "list", epilog=examples("smmbench trackers list", "smmbench trackers list --json")
    )(list_trackers)
    trackers.command(
        "check",
        epilog=examples(
            "smmbench trackers check dis",
            "smmbench trackers check bootstapir:/path/to/bootstapir_checkpoint_v2.pt --device cuda",
        ),
    )(check_tracker)
    app.add_typer(trackers, name="trackers")


def list_trackers(json: Json = False) -> None:
    """List every tracker: its name, its licence, and how to get its code and weights."""
    import dataclasses

    from rich.table import Table

    from smmbench.display import print_table
    from smmbench.tracking.tracker import KINDS

    if json:
        print_json([dataclasses.asdict(kind) for kind in KINDS])
        return
    table = Table(box=None)
    table.add_column("tracker")
    for heading in ("what it is", "licence"):
        table.add_column(heading, overflow="fold")
    for kind in KINDS:
        table.add_row(kind.form, kind.title, kind.license)
    print_table(table)
    for kind in KINDS:  # whole lines, to be copied
        if kind.install:
            print_line(f"{kind.name}, code: {kind.install}")
            print_line(f"{kind.name}, weights: {kind.checkpoint}")


def check_tracker(
    spec: Annotated[str, typer.Argument(help="Tracker, such as dis or bootstapir:/path.pt.")],
    device: Device = "auto",
    json: Json = False,
) -> None:
    """Track a texture with known motion, and report the tracker's error.

    Exit code: 0 it tracks the texture, 1 it does not, 2 it cannot be opened.
    """
    import dataclasses

    from smmbench.environment import choose_device
    from smmbench.tracking import open_tracker
    from smmbench.tracking.checking import GRID, check

    found = check(open_tracker(spec, GRID, choose_device(device)))
    if json:
        print_json(dataclasses.asdict(found))
    else:
        print_line(
            f"{spec}: median error {found.median_error:.2f} px, {found.seen:.0%} of points seen, "
            f"{found.seconds:.1f} s for {found.frames} frames of {found.side}x{found.side}."
        )
    if not found.follows:
        print_line(f"{spec} does not follow a texture that moves: are these its weights?", err=True)
        raise typer.Exit(1)
