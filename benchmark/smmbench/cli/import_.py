"""`smmbench import`: import outputs that were made elsewhere."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from smmbench.display import print_json, print_line
from smmbench.display.examples import examples
from smmbench.options import (
    Dataset,
    DryRun,
    FpsOrFiles,
    Json,
    Label,
    Licence,
    Limit,
    Paper,
    Results,
    Seed,
    Title,
    accepting,
)

if TYPE_CHECKING:
    from smmbench.dataset import Dataset as LoadedDataset
    from smmbench.importing.frame_rule import FrameRule
    from smmbench.importing.importer import Outcome
    from smmbench.importing.output_files import Batch

KINDS = ("method", "baseline", "control", "imported")
BAD = ("missing", "failed")


class Frames(StrEnum):
    """How frames of files are mapped to frames of clips."""

    auto = "auto"
    exact = "exact"
    resample = "resample"


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    older = {"--output": "--results", "-o": "--results"}
    older |= {"--method": "--label", "--frames": "--frame-rule"}
    app.command(
        "import",
        cls=accepting(older),
        epilog=examples(
            "smmbench import outputs/ --label my-method --title 'My method' --dry-run",
            "smmbench import outputs/ --label my-method --map files.csv --fps 8",
            "smmbench import --dataset dmt-page --published",
        ),
    )(import_)


def import_(
    folder: Annotated[
        Path | None,
        typer.Argument(
            metavar="DIR",
            help="Folder of outputs: DIR/CLIP/EDIT.mp4 or DIR/CLIP__EDIT.mp4 (mkv, webm, gif, "
            "a folder of numbered images).",
            show_default=False,
        ),
    ] = None,
    label: Label = None,
    dataset: Dataset = "emoji",
    published: Annotated[
        bool,
        typer.Option(
            "--published",
            help="Import the outputs of all methods that are published with the dataset.",
        ),
    ] = False,
    map: Annotated[
        Path | None,
        typer.Option("--map", metavar="FILE", help="CSV with the columns clip, edit, file."),
    ] = None,
    seed: Seed = None,
    card: Annotated[
        str,
        typer.Option(
            "--card",
            help="Card of the method: its name, or the path of a TOML file. Default: the card with "
            "the name of the label, if there is one.",
        ),
    ] = "",
    kind: Annotated[str, typer.Option("--kind", help=f"One of {', '.join(KINDS)}.")] = "imported",
    title: Title = "",
    paper: Paper = "",
    licence: Licence = "",
    results: Results = Path("results"),
    frame_rule: Annotated[
        Frames,
        typer.Option(
            "--frame-rule",
            help="exact: the first frames, in order; resample: the frame nearest in time; auto: "
            "exact if the number matches (or is the 4k + 1 for it), otherwise resample.",
        ),
    ] = Frames.auto,
    fps: FpsOrFiles = None,
    limit: Limit = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Import outputs that were made elsewhere.

    They are scored and ranked like any other.

    --label names their method. All outputs count for one seed, by default the dataset's first.
    --fps sets the frame rate of the files, overriding what they state.

    A file that belongs to no pair is an error. Videos are converted to the dataset's normal form
    and stored losslessly. `--dry-run` shows which file each pair would use, and how its frames
    would be converted.

    Exit code: 0 all pairs imported, 1 some are missing or failed, 2 incorrect usage.
    """
    from smmbench.dataset import load_dataset
    from smmbench.importing.importer import Taking, import_outputs
    from smmbench.importing.output_files import published_outputs
    from smmbench.progress import progress
    from smmbench.running.pairs import choose_pairs

    found = load_dataset(dataset)
    if seed and len(seed) > 1:
        raise ValueError(
            f"Outputs count for one seed, got --seed {' --seed '.join(str(one) for one in seed)}."
        )
    if published:
        if folder or label or map:
            raise ValueError(
                "--published takes methods and files from the dataset; do not name any."
            )
        batches = published_outputs(found)
    else:
        if folder is None:
            raise ValueError("Give the folder of the outputs, or --published.")
        batches = [_own(found, folder, map, label or "", card, kind, title, paper, licence)]
    if fps is not None and not 0 < fps < 1000:
        raise ValueError(f"--fps must be above 0 and below 1000, got {fps:g}.")
    rules: dict[Frames, FrameRule] = {Frames.exact: "exact", Frames.resample: "resample"}
    taking = Taking(rules.get(frame_rule), fps)
    outcomes = []
    count = len(choose_pairs(found.manifest, seeds=[0], limit=limit))
    with progress(len(batches) * count, "videos") as report:
        for batch in batches:
            for one in import_outputs(
                results,
                found,
                batch,
                seed=seed[0] if seed else None,
                limit=limit,
                dry_run=dry_run,
                taking=taking,
            ):
                outcomes.append(one)
                text = f"{one.method}: {'/'.join(one.pair)}: {one.state}"
                bad = one.state in BAD
                report(f"{text} ({one.message})" if one.message else text, failed=bad)
    _print(outcomes, json)
    if any(one.state in BAD for one in outcomes):
        raise typer.Exit(1)


def _own(
    dataset: LoadedDataset,
    folder: Path,
    table: Path | None,
    label: str,
    card: str,
    kind: str,
    title: str,
    paper: str,
    licence: str,
) -> Batch:
    from smmbench.importing.output_files import Batch, find_outputs, read_map
    from smmbench.method import Card
    from smmbench.method.imported_card import card_of_label, load_card

    if not label:
        raise ValueError("Name the method of the outputs: --label NAME.")
    if kind not in KINDS:
        raise ValueError(f"No kind '{kind}'; available: {', '.join(KINDS)}.")
    files = read_map(dataset, table, folder) if table else find_outputs(dataset, folder)
    if not files:
        raise ValueError(f"'{folder}' contains no output of a pair of '{dataset.manifest.name}'.")
    if card and (title or paper or licence):
        raise ValueError("A card states title, paper and licence: give --card or these, not both.")
    known = load_card(card) if card else None if title else card_of_label(label)
    own = Card(title or label, kind=kind, paper=paper, licence=licence)
    return Batch(label, known or own, files)


def _print(outcomes: list[Outcome], json: bool) -> None:
    """Print each pair as JSON, or for people the failures and one line per method."""
    if json:
        rows = [
            {
                "method": one.method,
                "clip": one.pair[0],
                "edit": one.pair[1],
                "state": one.state,
                "message": one.message,
            }
            for one in outcomes
        ]
        print_json(rows)
        return
    for one in outcomes:
        if one.state in (*BAD, "planned"):
            message = f": {one.message}" if one.message else ""
            print_line(f"{one.method}: {'/'.join(one.pair)}: {one.state}{message}")
    for method in dict.fromkeys(one.method for one in outcomes):
        states = [one.state for one in outcomes if one.method == method]
        counts = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))
        print_line(f"{method}: {counts}.")
