"""`smmbench invert`: show what a clip's features encode."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from smmbench.display import print_json, print_line
from smmbench.display.examples import examples
from smmbench.options import Dataset, Device, Json, OutputOrDefault, Preset, Set

if TYPE_CHECKING:
    from smmbench.feature_inversion.inverting import Inverted


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command(
        "invert",
        epilog=examples(
            "smmbench invert balloon-right --seeds 1",
            "smmbench invert balloon-right --features smm --steps 20 --iterations 10",
        ),
    )(invert)


def invert(
    clip: Annotated[str, typer.Argument(help="Name of a clip of the dataset.")],
    dataset: Dataset = "emoji",
    features: Annotated[
        list[str] | None,
        typer.Option(
            "--features",
            metavar="KIND",
            help="Features to match: full, smm or smm-differences; repeatable. Default: all three.",
        ),
    ] = None,
    seeds: Annotated[
        int, typer.Option("--seeds", min=1, help="Number of random starts, with seeds from 0.")
    ] = 2,
    preset: Preset = None,
    set: Set = None,
    steps: Annotated[
        int | None,
        typer.Option(
            "--steps", min=1, help="Number of steps of sampling and of the clip's inversion."
        ),
    ] = None,
    iterations: Annotated[
        int | None, typer.Option("--iterations", min=0, help="Adam iterations in each step.")
    ] = None,
    rate: Annotated[
        float | None,
        typer.Option(
            "--rate", min=0, help="Adam learning rate in the first step; it falls linearly to half."
        ),
    ] = None,
    device: Device = "auto",
    output: OutputOrDefault = None,
    json: Json = False,
) -> None:
    """Reconstruct videos from a clip's features.

    The videos show what the features encode.

    Preset and parameters are those of the method smm. Writes each video, sheet.png and, last,
    inversion.json to inversion/DATASET/CLIP, or to the folder that --output names. Exit code: 0
    done, 2 incorrect usage, 130 stopped by Ctrl-C.
    """
    from smmbench.dataset import clip_named, load_dataset, source_video
    from smmbench.environment import choose_device, use_tensor_cores
    from smmbench.feature_inversion.files import remove_earlier, write_outcome, write_videos
    from smmbench.feature_inversion.inverting import (
        analysis_parameters,
        checked_kinds,
        invert_features,
    )
    from smmbench.method.parameters import choose_preset
    from smmbench.progress import progress
    from smmbench.smm import SMM

    kinds = checked_kinds(features or ())
    described = load_dataset(dataset)
    name = described.manifest.name
    chosen = clip_named(described, clip)
    asked = [] if steps is None else [f"steps={steps}", f"inversion_steps={steps}"]
    asked += [] if iterations is None else [f"iterations={iterations}"]
    asked += [] if rate is None else [f"rates={rate},{rate / 2}"]
    parameters = analysis_parameters(choose_preset(SMM, preset, name), [*asked, *(set or ())])
    device = choose_device(device)
    use_tensor_cores(device)
    original = source_video(described, chosen)
    folder = output or Path("inversion") / name / clip
    remove_earlier(folder, name, clip)
    made: list[Inverted] = []
    try:
        with progress(seeds * (len(kinds) + 1), "videos") as report:
            for one in invert_features(parameters, device, clip, original, kinds, range(seeds)):
                write_videos(folder, one)
                made.append(one)
                report(f"{one.features}, seed {one.seed}: PSNR {one.psnr:.1f} dB")
    except KeyboardInterrupt:
        print_line("Stopped; run the same command to start again.", err=True)
        raise typer.Exit(130) from None
    content = write_outcome(folder, name, clip, original, made, parameters, device)
    _print(content, json)
    print_line(f"Videos, sheet.png and inversion.json are in {folder}.", err=True)


def _print(content: dict[str, Any], json: bool) -> None:
    from rich.table import Table

    from smmbench.display import print_table

    if json:
        print_json(content)
        return
    kinds = list(content["videos"][0]["distances"])
    table = Table("pulled", "seed", "RMS", "PSNR", *(f"to {kind}" for kind in kinds), box=None)
    for row in content["videos"]:
        ratio = "same" if row["psnr"] is None else f"{row['psnr']:.2f}"
        numbers = (f"{row['distances'][kind]:.3f}" for kind in kinds)
        table.add_row(row["features"], str(row["seed"]), f"{row['rms']:.1f}", ratio, *numbers)
    print_table(table)
