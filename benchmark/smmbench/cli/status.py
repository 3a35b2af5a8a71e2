"""`smmbench status`: progress of a results folder, and the cost of the rest."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from smmbench.display import print_json, print_line
from smmbench.display.examples import examples
from smmbench.options import Clip, DatasetFilter, Edit, Json, Limit, ResultsFolders, Seed

if TYPE_CHECKING:
    from smmbench.running.status import Status


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command(
        "status",
        epilog=examples(
            "smmbench status results/",
            "smmbench status results/smm --limit 4",
            "smmbench status node-1/results node-2/results --json",
        ),
    )(status)


def status(
    results: ResultsFolders = None,
    dataset: DatasetFilter = None,
    limit: Limit = None,
    clip: Clip = None,
    edit: Edit = None,
    seed: Seed = None,
    json: Json = False,
) -> None:
    """Show the progress of results folders, and what remains.

    Counts pairs that are done, running, failed and missing, and estimates time and cost of the
    rest.

    Processes may be writing to the folders. Several folders are read as one: a pair that is done in
    any of them is done. Missing pairs are those of the dataset's protocol; if the run used --limit,
    --clip, --edit or --seed, give the same options here. A dataset that is not installed is known
    only by --dataset, or while a run works on it.

    Time and cost are estimated from results on the same device: a transfer for each remaining pair,
    and a preparation for each clip. Failed pairs are not counted as remaining.

    Exit code: 0, or 2 for incorrect usage.
    """
    from smmbench.dataset import load_dataset
    from smmbench.running.status import status_of

    only = load_dataset(dataset) if dataset else None
    unreadable: list[str] = []
    found = status_of(
        results or [Path("results")],
        datasets=[only] if only else [],
        only=only.manifest.name if only else None,
        clips=clip or (),
        edits=edit or (),
        seeds=seed or (),
        limit=limit,
        unreadable=lambda _, error: unreadable.append(str(error)),
    )
    for line in unreadable:
        print_line(line, err=True)
    if json:
        print_json([_as_json(one) for one in found])
    else:
        _print_table(found)


def _as_json(status: Status) -> dict[str, Any]:
    import dataclasses

    from smmbench.running.status import complete

    return dataclasses.asdict(status) | {
        "wall_seconds": status.wall_seconds,
        "complete": complete(status),
    }


def _print_table(found: list[Status]) -> None:
    from rich.table import Table

    from smmbench.display import print_table

    if not found:
        print_line("There are no results yet.", err=True)
        return
    table = Table(box=None, pad_edge=False)
    for name in ("method", "dataset"):
        table.add_column(name, no_wrap=True)
    for name in ("done", "running", "failed", "missing", "scored", "time left", "cost left"):
        table.add_column(name, justify="right")
    table.add_column("on")
    for one in found:
        label = one.method if one.reference == "forward" else f"{one.method} ({one.reference})"
        table.add_row(label, one.dataset, *_cells(one))
    print_table(table)
    for line in _lines(found):
        print_line(line, err=True)


def _cells(one: Status) -> list[str]:
    from smmbench.progress import duration

    failed = ", ".join(f"{count} {kind}" for kind, count in one.failed.items())
    processes = f" ({one.processes} process{'es' if one.processes > 1 else ''})"
    left = one.wall_seconds
    return [
        str(one.done) if one.asked is None else f"{one.done} of {one.asked}",
        f"{one.running}{processes}" if one.processes else "0",
        failed or "0",
        "?" if one.missing is None else str(one.missing),
        str(one.scored),
        "-" if left is None else duration(left),
        _cost(one),
        one.device or "-",
    ]


def _cost(one: Status) -> str:
    return "-" if one.left_seconds is None else _device_time(one.left_seconds, one.on_gpu)


def _device_time(seconds: float, on_gpu: bool) -> str:
    """`3.20 GPU h`, or minutes or seconds if that would round to zero."""
    kind = "GPU" if on_gpu else "CPU"
    for unit, length, least in (("h", 3600, 360), ("min", 60, 6)):
        if seconds >= least:
            return f"{seconds / length:.2f} {kind} {unit}"
    return f"{seconds:.1f} {kind} s"


def _lines(found: list[Status]) -> list[str]:
    """Lines below the table."""
    lines = [
        f"'{name}' is not a known dataset, so missing pairs cannot be counted: name it with "
        "--dataset PATH."
        for name in dict.fromkeys(one.dataset for one in found if one.asked is None)
    ]
    spent = sum(one.spent_seconds for one in found)
    on_gpu = sum(one.spent_seconds for one in found if one.on_gpu)
    parts = [_device_time(on_gpu, True)] if on_gpu else []
    parts += [_device_time(spent - on_gpu, False)] if spent > on_gpu or not parts else []
    lines.append(f"Spent so far: {', '.join(parts)}.")
    others = sum(one.others for one in found)
    if others:
        lines.append(f"{others} results of other pairs are not counted.")
    lines += [
        f"{one.killed} process{'es' if one.killed > 1 else ''} of {one.method} on {one.dataset} "
        "ended without finishing; the same `smmbench run` resumes."
        for one in found
        if one.killed
    ]
    if any(one.failed for one in found):
        lines.append("The same `smmbench run` without --keep-failed retries failed pairs.")
    return lines
