"""`smmbench sheet`: show the videos of a results folder side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from smmbench.display import print_json, print_line
from smmbench.display.examples import examples
from smmbench.options import (
    Clip,
    DatasetFilter,
    Edit,
    Json,
    LimitShown,
    Methods,
    Output,
    ResultsArgument,
    Seed,
    accepting,
    labels,
)


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    older = accepting({"--method": "--methods", "--by": "--worst-by"})
    app.command(
        "sheet",
        cls=older,
        epilog=examples(
            "smmbench sheet results/ --methods smm,sdedit --limit 4",
            "smmbench sheet results/ --clip balloon-right --columns 4 --output balloon.png",
            "smmbench sheet results/smm --worst 6 --worst-by text_similarity",
        ),
    )(sheet)


def sheet(
    results: ResultsArgument = Path("results"),
    dataset: DatasetFilter = None,
    clip: Clip = None,
    edit: Edit = None,
    methods: Methods = None,
    seed: Seed = None,
    columns: Annotated[
        int,
        typer.Option(
            "--columns", min=1, max=64, envvar="SMMBENCH_COLUMNS", help="Frames of each video."
        ),
    ] = 8,
    tile: Annotated[
        int,
        typer.Option(
            "--tile", min=16, max=1024, envvar="SMMBENCH_TILE", help="Frame width in pixels."
        ),
    ] = 128,
    limit: LimitShown = 12,
    worst: Annotated[
        int | None,
        typer.Option(
            "--worst",
            min=1,
            help="Show only this many results with the worst scores, with their numbers and marks.",
        ),
    ] = None,
    worst_by: Annotated[
        str, typer.Option("--worst-by", metavar="METRIC", help="The metric for --worst.")
    ] = "motion_fidelity",
    output: Output = Path("sheet.png"),
    json: Json = False,
) -> None:
    """Draw a contact sheet: each source above its outputs.

    Methods are in the order of --methods. A failed or missing result has a grey row with the
    reason. Prints the path of the image, a PNG.

    Exit code: 0 every row has its video, 1 one or more have none, 2 incorrect usage.
    """
    from smmbench.contact_sheet.rows import (
        Choice,
        chosen_results,
        pairs_of,
        sheet_rows,
        worst_rows,
    )
    from smmbench.contact_sheet.sheet import Row, contact_sheet, write_png
    from smmbench.dataset import load_dataset
    from smmbench.results.limiting import round_robin

    choice = Choice(tuple(clip or ()), tuple(edit or ()), tuple(seed or ()), tuple(labels(methods)))
    only = load_dataset(dataset) if dataset else None
    found = chosen_results(results, only, choice, lambda _, error: print_line(str(error), err=True))
    pairs = pairs_of(found)
    shown = round_robin(pairs, lambda pair: pair[:2], limit)  # its dataset and clip
    if worst is None:
        rows = list(sheet_rows(found, shown, only, choice, columns))
    else:
        rows = list(worst_rows(found, worst_by, worst, only, columns))
        shown = pairs = pairs[:worst]
    write_png(output, contact_sheet(rows, columns, tile))
    empty = sum(isinstance(row, Row) and row.frames is None for row in rows)
    if json:
        outcome = {
            "image": str(output),
            "pairs": len(shown),
            "of_pairs": len(pairs),
            "empty_rows": empty,
        }
        print_json(outcome)
    else:
        print_line(output)
    if len(shown) < len(pairs):
        print_line(
            f"{len(shown)} of {len(pairs)} pairs are shown; "
            "raise --limit, or select with --clip and --edit.",
            err=True,
        )
    if empty:
        print_line(f"Rows without a video: {empty}; the image says why.", err=True)
    raise typer.Exit(1 if empty else 0)
