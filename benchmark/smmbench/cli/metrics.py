"""`smmbench metrics`: list and show metrics."""

from __future__ import annotations

from typing import Annotated

import typer

from smmbench.display import print_json
from smmbench.display.commands import Commands
from smmbench.display.examples import examples
from smmbench.options import Json


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    metrics = typer.Typer(
        cls=Commands,
        no_args_is_help=True,
        help="List and show metrics.",
        epilog=examples("smmbench metrics list", "smmbench metrics show motion_fidelity"),
    )
    metrics.command(
        "list", epilog=examples("smmbench metrics list", "smmbench metrics list --json")
    )(list_metrics)
    metrics.command(
        "show",
        epilog=examples(
            "smmbench metrics show motion_fidelity", "smmbench metrics show ftd --json"
        ),
    )(show_metric)
    app.add_typer(metrics, name="metrics")


def list_metrics(json: Json = False) -> None:
    """List every metric: version, range, which direction is better, when it is computed."""
    from rich.table import Table

    from smmbench.display import print_table
    from smmbench.metrics import all_metrics

    if json:
        print_json([known.describe() for known in all_metrics()])
        return
    table = Table(box=None)
    for heading in ("metric", "version", "range", "better", "computed", "title"):
        table.add_column(heading)
    for known in all_metrics():
        table.add_row(
            known.name,
            str(known.version),
            f"{known.minimum:.4g} to {known.maximum:.4g}",
            "higher" if known.higher_is_better else "lower",
            "by name" if known.extra else "always",
            known.title,
        )
    print_table(table)


def show_metric(
    name: Annotated[str, typer.Argument(help="Name of a metric, such as ftd.")],
    json: Json = False,
) -> None:
    """Show one metric: its meaning, range, value for a missing video, and code location."""
    from rich.table import Table

    from smmbench.display import print_table
    from smmbench.metrics import metric

    known = metric(name)
    if json:
        print_json(known.describe())
        return
    table = Table(box=None, show_header=False)
    table.add_column()
    table.add_column()
    for field, value in (
        ("metric", f"{known.name}, version {known.version}"),
        ("title", known.title),
        ("says", known.description),
        ("range", f"{known.minimum:.6g} to {known.maximum:.6g} {known.unit}".strip()),
        ("better", "higher" if known.higher_is_better else "lower"),
        ("without a video", f"{known.worst:.6g}"),
        ("needs", ", ".join(known.needs) or "nothing"),
        ("computed", "only if requested by name" if known.extra else "by default"),
        ("source", known.source or "not stated"),
        *([("must not rank", known.caution)] if known.caution else []),
        ("code", known.describe()["code"]),
    ):
        table.add_row(field, value)
    print_table(table)
