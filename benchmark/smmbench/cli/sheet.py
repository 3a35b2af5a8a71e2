"""`smmbench sheet`: see the videos of a results folder side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from smmbench.display import print_document, print_line


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("sheet")(sheet)


def sheet(
    results: Annotated[
        Path, typer.Argument(help="The results folder, or a folder in it (results/smm).")
    ] = Path("results"),
    dataset: Annotated[
        str | None,
        typer.Option(
            envvar="SMMBENCH_DATASET",
            help="Only results of this dataset: its name, or the path of its TOML file.",
        ),
    ] = None,
    clip: Annotated[
        list[str] | None, typer.Option(help="Only this clip; may be given several times.")
    ] = None,
    edit: Annotated[
        list[str] | None, typer.Option(help="Only this edit; may be given several times.")
    ] = None,
    method: Annotated[
        list[str] | None,
        typer.Option(
            envvar="SMMBENCH_METHOD", help="Only this method; several are shown in their order."
        ),
    ] = None,
    seed: Annotated[
        list[int] | None,
        typer.Option(envvar="SMMBENCH_SEED", help="Only this seed; may be given several times."),
    ] = None,
    columns: Annotated[
        int, typer.Option(min=1, max=64, envvar="SMMBENCH_COLUMNS", help="Frames of each video.")
    ] = 8,
    tile: Annotated[
        int, typer.Option(min=16, max=1024, envvar="SMMBENCH_TILE", help="Frame width in pixels.")
    ] = 128,
    limit: Annotated[
        int, typer.Option(min=1, envvar="SMMBENCH_LIMIT", help="At most so many pairs.")
    ] = 12,
    worst: Annotated[
        int | None,
        typer.Option(
            min=1, help="Instead of all pairs: so many results with the worst scores, with numbers."
        ),
    ] = None,
    by: Annotated[
        str, typer.Option(metavar="METRIC", help="The metric that --worst goes by.")
    ] = "motion_fidelity",
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The image to write, as PNG.")
    ] = Path("sheet.png"),
    as_json: Annotated[
        bool, typer.Option("--json", envvar="SMMBENCH_JSON", help="Print the outcome as JSON.")
    ] = False,
) -> None:
    """Draw a contact sheet: each source, and below it what the methods made of it.

    A result that failed or is missing has a grey row that says why. Prints the image's path.

    Exit code: 0 every row has its video, 1 one or more have none, 2 wrong use.
    """
    import json

    from smmbench.contact_sheet.rows import (
        Choice,
        chosen_results,
        pairs_of,
        sheet_rows,
        worst_rows,
    )
    from smmbench.contact_sheet.sheet import Row, contact_sheet, write_png
    from smmbench.dataset import load_dataset

    choice = Choice(tuple(clip or ()), tuple(edit or ()), tuple(seed or ()), tuple(method or ()))
    only = load_dataset(dataset) if dataset else None
    found = chosen_results(results, only, choice, lambda _, error: print_line(str(error), err=True))
    pairs = pairs_of(found)
    shown = pairs[:limit]
    if worst is None:
        rows = list(sheet_rows(found, shown, only, choice, columns))
    else:
        rows = list(worst_rows(found, by, worst, only, columns))
        shown = pairs = pairs[:worst]
    write_png(output, contact_sheet(rows, columns, tile))
    empty = sum(isinstance(row, Row) and row.frames is None for row in rows)
    if as_json:
        outcome = {
            "image": str(output),
            "pairs": len(shown),
            "of_pairs": len(pairs),
            "empty_rows": empty,
        }
        print_document(json.dumps(outcome))
    else:
        print_line(output)
    if len(shown) < len(pairs):
        print_line(
            f"{len(shown)} of {len(pairs)} pairs are shown; "
            "raise --limit or choose by --clip and --edit.",
            err=True,
        )
    if empty:
        print_line(f"Rows without a video: {empty}; the image says why.", err=True)
    raise typer.Exit(1 if empty else 0)
