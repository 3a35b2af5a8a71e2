"""`smmbench metrics`: what is measured."""

from __future__ import annotations

import typer


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    metrics = typer.Typer(no_args_is_help=True, help="List the metrics.")
    metrics.callback()(_metrics)
    metrics.command("list")(list_metrics)
    app.add_typer(metrics, name="metrics")


def _metrics() -> None:
    """List the metrics."""  # a callback keeps `list` a word of its own


def list_metrics(
    as_json: bool = typer.Option(False, "--json", envvar="SMMBENCH_JSON", help="Print JSON."),
) -> None:
    """List every metric: version, range, which way is better, what it needs, what it says."""
    import dataclasses
    import json

    from rich.console import Console
    from rich.table import Table

    from smmbench.metrics import all_metrics

    if as_json:
        typer.echo(json.dumps([dataclasses.asdict(known) for known in all_metrics()], indent=2))
        return
    table = Table(box=None)
    table.add_column("metric", no_wrap=True)
    for heading in ("version", "range", "better", "worst", "needs", "what it says"):
        table.add_column(heading)
    for known in all_metrics():
        table.add_row(
            known.name,
            str(known.version),
            f"{known.minimum:g} to {known.maximum:g} {known.unit}".strip(),
            "higher" if known.higher_is_better else "lower",
            f"{known.worst:g}",
            ", ".join(known.needs),
            f"{known.description} Only by its name." if known.extra else known.description,
        )
    Console().print(table, markup=False)
