"""`smmbench import`: bring outputs made elsewhere into the results."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from smmbench.display import print_document, print_line

if TYPE_CHECKING:
    from smmbench.dataset import Dataset
    from smmbench.importing.frame_rule import FrameRule
    from smmbench.importing.importer import Outcome
    from smmbench.importing.output_files import Batch

KINDS = ("method", "baseline", "control", "imported")
BAD = ("missing", "failed")


class Frames(StrEnum):
    """How frames of files become frames of clips."""

    auto = "auto"
    exact = "exact"
    resample = "resample"


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("import")(import_)


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
    method: Annotated[
        str, typer.Option(help="The method's label on the board.", show_default=False)
    ] = "",
    dataset: Annotated[
        str, typer.Option(envvar="SMMBENCH_DATASET", help="Dataset that the outputs answer.")
    ] = "emoji",
    published: Annotated[
        bool,
        typer.Option(
            "--published", help="Import the outputs published with the dataset, every method's."
        ),
    ] = False,
    table: Annotated[
        Path | None,
        typer.Option("--map", metavar="FILE", help="CSV with the columns clip, edit, file."),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(envvar="SMMBENCH_SEED", help="Seed they stand for; default: the first."),
    ] = None,
    card: Annotated[
        str,
        typer.Option(
            help="What the board shall say: name of a card, or path of its TOML file; default: "
            "the card of the method's name, if there is one."
        ),
    ] = "",
    kind: Annotated[str, typer.Option(help=f"One of {', '.join(KINDS)}.")] = "imported",
    title: Annotated[str, typer.Option(help="The method's name in words.")] = "",
    paper: Annotated[str, typer.Option(help="Reference or address.")] = "",
    licence: Annotated[str, typer.Option(help="Licence of the outputs.")] = "",
    output: Annotated[
        Path, typer.Option("--output", "-o", envvar="SMMBENCH_OUTPUT", help="The results folder.")
    ] = Path("results"),
    frames: Annotated[
        Frames,
        typer.Option(
            help="exact: the first frames, frame for frame; resample: the frame nearest in time; "
            "auto: exact where the number fits (or is 4k + 1 of it), else resample."
        ),
    ] = Frames.auto,
    fps: Annotated[
        float | None,
        typer.Option(help="Frames a second of the files, whatever they say of themselves."),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(min=1, envvar="SMMBENCH_LIMIT", help="At most so many pairs, as in `run`."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", envvar="SMMBENCH_DRY_RUN", help="Print, change nothing.")
    ] = False,
    json: Annotated[
        bool, typer.Option("--json", envvar="SMMBENCH_JSON", help="Print JSON for machines.")
    ] = False,
) -> None:
    """Import outputs made elsewhere: they are scored and ranked like any other.

    Missing pairs are listed and give exit code 1; a file that belongs to no pair is an error.
    Videos are brought to the dataset's normal form and kept losslessly. `--dry-run` shows which
    file each pair would have, and what would be done with its frames.
    """
    from smmbench.dataset import load_dataset
    from smmbench.importing.importer import Taking, import_outputs
    from smmbench.importing.output_files import published_outputs
    from smmbench.progress import progress
    from smmbench.running.pairs import choose_pairs

    found = load_dataset(dataset)
    if published:
        if folder or method or table:
            raise ValueError("--published takes methods and files from the dataset; name none.")
        batches = published_outputs(found)
    else:
        if folder is None:
            raise ValueError("Give the folder of the outputs, or --published.")
        batches = [_own(found, folder, table, method, card, kind, title, paper, licence)]
    if fps is not None and not 0 < fps < 1000:
        raise ValueError(f"--fps is above 0 and below 1000, got {fps:g}.")
    rules: dict[Frames, FrameRule] = {Frames.exact: "exact", Frames.resample: "resample"}
    taking = Taking(rules.get(frames), fps)
    outcomes = []
    count = len(choose_pairs(found.manifest, seeds=[0], limit=limit))
    with progress(len(batches) * count, "videos") as report:
        for batch in batches:
            for one in import_outputs(
                output, found, batch, seed=seed, limit=limit, dry_run=dry_run, taking=taking
            ):
                outcomes.append(one)
                text = f"{one.method}: {'/'.join(one.pair)}: {one.state}"
                bad = one.state in BAD
                report(f"{text} ({one.message})" if one.message else text, failed=bad)
    _print(outcomes, json)
    if any(one.state in BAD for one in outcomes):
        raise typer.Exit(1)


def _own(
    dataset: Dataset,
    folder: Path,
    table: Path | None,
    method: str,
    card: str,
    kind: str,
    title: str,
    paper: str,
    licence: str,
) -> Batch:
    from smmbench.importing.output_files import Batch, find_outputs, read_map
    from smmbench.method import Card
    from smmbench.method.imported_card import card_of_label, load_card

    if not method:
        raise ValueError("Say whose outputs they are: --method NAME.")
    if kind not in KINDS:
        raise ValueError(f"No kind '{kind}'; there is: {', '.join(KINDS)}.")
    files = read_map(dataset, table, folder) if table else find_outputs(dataset, folder)
    if not files:
        raise ValueError(f"No output of a pair of '{dataset.manifest.name}' in '{folder}'.")
    if card and (title or paper or licence):
        raise ValueError("A card says title, paper and licence: give --card or these, not both.")
    known = load_card(card) if card else None if title else card_of_label(method)
    own = Card(title or method, kind=kind, paper=paper, licence=licence)
    return Batch(method, known or own, files)


def _print(outcomes: list[Outcome], json: bool) -> None:
    """Print each pair for a machine, or what failed and a line a method for a person."""
    if json:
        import json as json_

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
        print_document(json_.dumps(rows, indent=2))
        return
    for one in outcomes:
        if one.state in (*BAD, "planned"):
            message = f": {one.message}" if one.message else ""
            print_line(f"{one.method}: {'/'.join(one.pair)}: {one.state}{message}")
    for method in dict.fromkeys(one.method for one in outcomes):
        states = [one.state for one in outcomes if one.method == method]
        counts = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))
        print_line(f"{method}: {counts}.")
