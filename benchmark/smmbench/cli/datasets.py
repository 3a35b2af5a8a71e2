"""`smmbench datasets`: list, show, check, fetch and add datasets."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from smmbench.display import print_json, print_line
from smmbench.display.commands import Commands
from smmbench.display.examples import examples
from smmbench.options import (
    Fps,
    Frames,
    FramesOrAll,
    Json,
    Licence,
    Name,
    OutputOrDefault,
    Prompts,
    PromptsIfNeeded,
    Size,
    TextModel,
    Title,
    Tracker,
)

if TYPE_CHECKING:
    from smmbench.dataset import Dataset, PromptKey

SETS = ("ditflow", "five", "loveu-tgve", "movebench", "mtbench", "simmotion")
"""Names of `smmbench.public_sets`, which is loaded on demand; a test compares them."""
REAL = "smmbench-real"
_RIGHTS = "--licence 'CC BY 4.0' --attribution 'A. Author'"

NameOrPath = Annotated[
    str, typer.Argument(help="Name of a dataset, or path of its TOML manifest.", show_default=False)
]


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    verbs = typer.Typer(
        cls=Commands,
        no_args_is_help=True,
        help="List, show, check, create, import and fetch datasets.",
        epilog=examples("smmbench datasets list", "smmbench datasets show emoji"),
    )
    verbs.command(
        "list", epilog=examples("smmbench datasets list", "smmbench datasets list --json")
    )(list_datasets)
    verbs.command(
        "show",
        epilog=examples(
            "smmbench datasets show emoji", "smmbench datasets show videos/my-clips.toml --json"
        ),
    )(show_dataset)
    verbs.command(
        "describe",
        epilog=examples(
            "smmbench datasets describe emoji --output croissant.json",
            "smmbench datasets describe emoji --form datasheet",
        ),
    )(describe_dataset)
    verbs.command(
        "check",
        epilog=examples(
            "smmbench datasets check emoji", "smmbench datasets check videos/my-clips.toml"
        ),
    )(check_dataset)
    verbs.command(
        "fetch",
        epilog=examples(
            "smmbench datasets fetch dmt-page", "smmbench datasets fetch dmt-page --from copy/"
        ),
    )(fetch_dataset)
    verbs.command(
        "new",
        epilog=examples(
            f"smmbench datasets new videos/ --name my-clips --prompts prompts.csv {_RIGHTS}",
            f"smmbench datasets new videos/ --name my-clips-512 --prompts prompts.json {_RIGHTS} "
            "--frames 16 --size 512x512",
        ),
    )(new_dataset)
    verbs.command(
        "import",
        epilog=examples(
            "smmbench datasets import loveu-tgve copies/loveu",
            "smmbench datasets import ditflow DAVIS --prompts prompts.js",
            "smmbench datasets import movebench copies/movebench --hub",
        ),
    )(import_set)
    verbs.command("add", epilog=examples("smmbench datasets add videos/my-clips.toml"))(add_dataset)
    verbs.command("remove", epilog=examples("smmbench datasets remove my-clips"))(remove_dataset)
    app.add_typer(verbs, name="datasets")


def list_datasets(json: Json = False) -> None:
    """List the datasets that are installed or were added.

    Exit code: 0 all of them load, 1 one does not and is named on standard error.
    """
    from smmbench.cli.dataset_tables import print_list
    from smmbench.dataset.summary import summary

    datasets, broken = _all_datasets()
    rows = [summary(dataset) for dataset in datasets]
    if json:
        print_json(rows)
    else:
        print_list(rows)
    for line in broken:
        print_line(line, err=True)
    raise typer.Exit(1 if broken else 0)


def show_dataset(dataset: NameOrPath, json: Json = False) -> None:
    """Show a dataset: its clips, prompts, licences, and the protocol of its scores."""
    from smmbench.cli.dataset_tables import print_dataset
    from smmbench.dataset import load_dataset
    from smmbench.dataset.summary import summary

    found = load_dataset(dataset)
    facts = summary(found)
    if json:
        manifest = found.manifest.model_dump(mode="json")
        print_json({**facts, **manifest, "root": str(found.root)})
    else:
        print_dataset(found, facts)


def describe_dataset(
    dataset: NameOrPath,
    form: Annotated[
        Literal["croissant", "datasheet"],
        typer.Option(
            "--form",
            help="croissant: JSON-LD in Croissant 1.0 with its Responsible AI fields. datasheet: "
            "the questions of Datasheets for Datasets with their answers, as Markdown.",
        ),
    ] = "croissant",
    output: OutputOrDefault = None,
) -> None:
    """Describe a dataset for catalogues (Croissant) or for readers (datasheet).

    The answers are read from NAME.datasheet.toml or datasheet.toml next to the manifest. Without
    such a file, Croissant has no Responsible AI fields. The result is printed, or written to
    --output.
    """
    from smmbench.dataset import load_dataset
    from smmbench.dataset.croissant import croissant_text
    from smmbench.dataset.datasheet import datasheet_markdown, datasheet_of
    from smmbench.display import print_document
    from smmbench.storage.atomic import write_text

    found = load_dataset(dataset)
    sheet = datasheet_of(found)
    if form == "datasheet":
        if sheet is None:
            raise ValueError(
                f"'{dataset}' has no datasheet: write '{found.manifest.name}.datasheet.toml' "
                "next to its manifest."
            )
        text = datasheet_markdown(found, sheet)
    else:
        text = croissant_text(found, sheet)
    if output is None:
        print_document(text)
    else:
        write_text(output, text)
        print_line(f"Wrote {output}.", err=True)


def check_dataset(dataset: NameOrPath, json: Json = False) -> None:
    """Check every file, frame count, size, hash and prompt of a dataset.

    Exit code: 0 no faults, 1 faults, which are listed on standard output, 2 incorrect usage.
    """
    from smmbench.dataset import (
        ManifestError,
        check_dataset,
        files_of,
        load_dataset,
        missing_files,
    )
    from smmbench.progress import progress

    faults: list[str] = []
    try:
        found = load_dataset(dataset)
    except ManifestError as error:
        faults = [f"{error.file}: {fault}" for fault in error.faults]
    else:
        manifest = found.manifest
        try:
            missing = missing_files(found, files_of(manifest))
        except ValueError as error:  # a link that leads away, a pipe: a fault of the dataset
            print_line(error)
            raise typer.Exit(1) from error
        unfetched = [file for file in missing if file.url]
        if unfetched:
            raise ValueError(
                f"'{dataset}' is not fetched: {len(unfetched)} of {len(files_of(manifest))} files "
                f"are missing. Run `smmbench datasets fetch {dataset}`."
            )
        from smmbench.scoring.motion_check import motion_check  # loads PyTorch, so only now
        from smmbench.scoring.prompt_check import prompt_check

        try:
            moves = motion_check(manifest.protocol)
        except (ImportError, LookupError, ValueError) as error:
            moves = None
            print_line(f"Motion in the clips was not checked: {error}", err=True)
        key: PromptKey = str.casefold
        try:
            key = prompt_check(manifest.protocol)
        except (ImportError, LookupError, OSError, ValueError) as error:
            print_line(f"The length of the prompts was not checked: {error}", err=True)
        names = [clip.name for clip in manifest.clips]
        names += [f"{output.method}/{output.clip}/{output.edit}" for output in manifest.outputs]
        with progress(len(names), "videos") as report:
            for name, found_here in zip(names, check_dataset(found, moves, key), strict=True):
                report(f"{name}: {'faulty' if found_here else 'valid'}", failed=bool(found_here))
                faults += found_here
    if json:
        print_json({"dataset": dataset, "faults": faults})
    else:
        for line in faults or [f"{dataset}: no faults."]:
            print_line(line)
    if faults:
        raise typer.Exit(1)


def fetch_dataset(
    names: Annotated[
        list[str], typer.Argument(help="Names of datasets, or paths of manifests.", metavar="NAME")
    ],
    from_: Annotated[
        Path | None,
        typer.Option("--from", help="Copy from this folder instead of downloading.", metavar="DIR"),
    ] = None,
    json: Json = False,
) -> None:
    """Fetch the public files of datasets; run again to resume an interrupted download.

    Files are stored in the toolkit's cache folder (SMMBENCH_HOME) and kept only if their SHA-256
    matches.

    Exit code: 0 all files are here, 1 one cannot be fetched, 2 incorrect usage.
    """
    from smmbench.dataset import load_dataset
    from smmbench.dataset.fetching import fetch_dataset, public_files
    from smmbench.progress import progress

    rows: list[dict[str, str]] = []
    for name in names:
        dataset = load_dataset(name)
        files = public_files(dataset)
        if not files:
            print_line(f"{name}: all its files ship with it.", err=True)
            continue
        with progress(len(files), "files") as report:
            for one in fetch_dataset(dataset, from_):
                failed = one.state == "failed"
                report(f"{one.file.path}: {one.message or one.state}", failed=failed)
                rows.append({"dataset": name, "path": one.file.path, "state": one.state})
                rows[-1] |= {"message": one.message} if failed else {}
    lost = [row for row in rows if row["state"] == "failed"]
    if json:
        print_json(rows)
    else:
        for row in lost:
            print_line(f"{row['dataset']}: {row['path']}: {row['message']}")
        counts = {state: sum(row["state"] == state for row in rows) for state in STATES}
        print_line(", ".join(f"{count} {STATES[state]}" for state, count in counts.items()) + ".")
    if lost:
        raise typer.Exit(1)


STATES = {"fetched": "fetched", "here": "already here", "failed": "failed"}


def new_dataset(
    folder: Annotated[
        Path, typer.Argument(help="Folder of your videos; the manifest is written into it.")
    ],
    prompts: Prompts,
    name: Name,
    licence: Licence,
    attribution: Annotated[
        str, typer.Option("--attribution", help="Whom to credit for the clips.")
    ],
    title: Title = "",
    captions: Annotated[
        str,
        typer.Option(
            "--captions",
            help="Captions of clips, if the prompts file has none: `names` takes the words of the "
            "file names; otherwise a JSON file that maps clips to captions.",
        ),
    ] = "",
    frames: Frames = 24,
    size: Size = "576x320",
    fps: Fps = 8.0,
    text_model: TextModel = "ViT-B-32:openai",
    tracker: Tracker = "dis",
) -> None:
    """Create a dataset: write the manifest of a folder of videos, with all hashes.

    The prompts are CSV (comma, semicolon or tab) or JSON with the columns clip, prompt and,
    optionally, caption and edit. The licence applies to all clips; the title defaults to the name.
    """
    from smmbench.dataset.manifest import NAME_PATTERN, Protocol
    from smmbench.dataset.prompt_files import read_captions, read_prompts
    from smmbench.dataset.writing import About, new_manifest
    from smmbench.storage.atomic import write_text

    if not re.fullmatch(NAME_PATTERN, name):
        raise ValueError(
            f"--name is of a-z, 0-9, '.', '_', '-' and starts with a letter or digit; got '{name}'."
        )
    path = folder / f"{name}.toml"
    if path.exists():
        raise FileExistsError(f"'{path}' already exists; remove it, or use another --name.")
    width, height = _size(size)
    if frames < 2 or not 0 < fps < 1000:
        raise ValueError(
            f"--frames must be at least 2 and --fps above 0, got {frames} and {fps:g}."
        )
    protocol = Protocol(
        frames=frames, width=width, height=height, fps=fps,
        text_model=text_model, tracker=tracker,
    )  # fmt: skip
    about = About(name, title or name, licence, attribution)
    asked = read_prompts(prompts)
    asked = read_captions(captions, asked) if captions else asked
    text, notes = new_manifest(folder, asked, about, protocol)
    write_text(path, text)
    for note in notes:
        print_line(note, err=True)
    print_line(f"Wrote {path}. Next: smmbench datasets check {path}", err=True)


def import_set(
    name: Annotated[
        str, typer.Argument(metavar="SET", help=f"One of: {', '.join((*SETS, REAL))}.")
    ],
    folder: Annotated[
        Path,
        typer.Argument(
            help="Your copy of the set (for ditflow and smmbench-real, of DAVIS 2017). The "
            "manifest is written into it; with --hub, the set is fetched into it first."
        ),
    ],
    prompts: PromptsIfNeeded = None,
    hub: Annotated[
        bool,
        typer.Option("--hub", help="Fetch the set from the hub, or from its cache, into FOLDER."),
    ] = False,
    revision: Annotated[
        str,
        typer.Option(
            "--revision", metavar="COMMIT", help="Commit on the hub. Default: the set's own."
        ),
    ] = "",
    frames: FramesOrAll = None,
    size: Size = "",
    text_model: TextModel = "",
    tracker: Tracker = "",
    rehearsal: Annotated[
        bool,
        typer.Option(
            "--rehearsal",
            help="For smmbench-real: tiny clips, to rehearse every stage without weights.",
        ),
    ] = False,
) -> None:
    """Turn your copy of a public set into a dataset: prompts, masks, hashes, licence, attribution.

    Each set has its own protocol. With another one (--frames, --size, --text-model, --tracker) the
    dataset is named SET-own, because its numbers are not comparable. Nothing is uploaded.
    ditflow and smmbench-real need --prompts: supp/assets/prompts.js of ditflow.github.io.
    """
    from smmbench.plugins import no_such
    from smmbench.public_sets import PUBLIC_SETS, take_real, take_set

    if name == REAL:
        if prompts is None:
            raise ValueError(f"{REAL} needs --prompts: supp/assets/prompts.js of its page.")
        if hub or revision or frames is not None or size or text_model or tracker:
            raise ValueError(f"{REAL} fixes its protocol; give --prompts alone, or --rehearsal.")
        _print_written(*take_real(folder, prompts, rehearsal=rehearsal))
        return
    if name not in PUBLIC_SETS:
        raise ValueError(no_such("public set", name, (*PUBLIC_SETS, REAL)))
    if rehearsal:
        raise ValueError(f"--rehearsal is only for {REAL}.")
    known = PUBLIC_SETS[name]
    if hub:
        from smmbench.public_sets.hub import fetch_set

        print_line(f"From {fetch_set(known, folder, revision)}.", err=True)
    elif revision:
        raise ValueError("--revision needs --hub.")
    changed: dict[str, Any] = {}
    if frames is not None:
        changed["frames"] = frames
    if size:
        changed["width"], changed["height"] = _size(size)
    changed |= {"text_model": text_model} if text_model else {}
    changed |= {"tracker": tracker} if tracker else {}
    path, notes = take_set(known, folder, prompts, **changed)
    _print_written([path], notes)


def _print_written(paths: Sequence[Path], notes: Sequence[str]) -> None:
    for note in notes:
        print_line(note, err=True)
    for path in paths:
        print_line(f"Wrote {path}. Next: smmbench datasets check {path}", err=True)


def add_dataset(
    path: Annotated[Path, typer.Argument(help="TOML manifest of your own dataset.")],
) -> None:
    """Register your own dataset under its name; the manifest and its files stay where they are."""
    from smmbench.dataset import add_dataset

    name = add_dataset(path).manifest.name
    print_line(f"Registered dataset '{name}'. Check it: smmbench datasets check {name}")


def remove_dataset(
    name: Annotated[str, typer.Argument(help="Name of a dataset that was added.")],
) -> None:
    """Remove the registration of an added dataset; its manifest and files stay where they are."""
    from smmbench.dataset import remove_dataset

    remove_dataset(name)
    print_line(f"Removed the registration of dataset '{name}'; no file was deleted.")


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    if not (width.isdecimal() and height.isdecimal() and int(width) and int(height)):
        raise ValueError(f"--size must be WIDTHxHEIGHT, such as 576x320, got '{text}'.")
    return int(width), int(height)


def _all_datasets() -> tuple[list[Dataset], list[str]]:
    """Return every dataset that loads, and a line for each that does not."""
    from smmbench.dataset import dataset_names, is_added, load_dataset

    found, broken = [], []
    for name in dataset_names():
        try:
            found.append(load_dataset(name))
        except Exception as error:  # another distribution may raise anything
            forget = f" To remove it: smmbench datasets remove {name}" if is_added(name) else ""
            broken.append(f"The dataset '{name}' does not load: {error}{forget}")
    return found, broken
