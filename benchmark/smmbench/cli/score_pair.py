"""`smmbench score-pair`: score one output against its source, without a dataset."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from smmbench.display import print_json, print_line
from smmbench.display.examples import examples
from smmbench.options import Device, FramesOrAll, Json, TextModelOrNone, Tracker

if TYPE_CHECKING:
    from smmbench.api.pair import PairScore


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command(
        "score-pair",
        epilog=examples(
            "smmbench score-pair source.mp4 output.mp4",
            "smmbench score-pair source.mp4 output.mp4 --frames 16 --tracker lucas-kanade --json",
            "smmbench score-pair source/ output/ --prompt 'a fish' --text-model ViT-B-32:openai",
        ),
    )(score_pair)


def score_pair(
    source: Annotated[
        Path, typer.Argument(help="The source: a video file or a folder of numbered images.")
    ],
    output: Annotated[Path, typer.Argument(help="The output, of the same kinds.")],
    prompt: Annotated[
        str, typer.Option("--prompt", help="What the output should show; empty: motion only.")
    ] = "",
    text_model: TextModelOrNone = None,
    tracker: Tracker = "dis",
    frames: FramesOrAll = None,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """Score one output against its source, without a dataset.

    Without a text model, only motion is scored; --frames counts frames of the source. The output is
    compared frame for frame if both have the same number of frames, and otherwise by the nearest
    frame in time.

    Exit code: 0 scored, 1 motion fidelity could not be computed, 2 incorrect usage.
    """
    from smmbench.api.pair import score_pair as scored

    found = scored(
        source,
        output,
        prompt,
        text_model=text_model,
        tracker=tracker,
        frames=frames,
        device=device,
    )
    if json:
        print_json(found.to_dict())
    else:
        for line in _lines(found):
            print_line(line)
    for note in found.notes:
        print_line(note, err=True)
    raise typer.Exit(1 if found.motion_fidelity is None else 0)


def _lines(found: PairScore) -> list[str]:
    rule = (
        "frame for frame" if found.frame_rule == "exact" else "by the nearest frame of the output"
    )
    lines = [f"{found.frames} frames of {found.width}x{found.height} at {found.fps:g} fps, {rule}"]
    if found.motion_fidelity is None:
        lines.append("motion fidelity   -")
    else:
        lines += [
            f"motion fidelity   {found.motion_fidelity:.3f}   "
            f"(chance level {found.chance_level:.3f}; tracker {found.tracker})",
            f"  source in output  {found.source_to_output:.3f}   "
            f"{found.source_tracks['moving']} of {sum(found.source_tracks.values())} tracks move",
            f"  output in source  {found.output_to_source:.3f}   "
            f"{found.output_tracks['moving']} of {sum(found.output_tracks.values())} tracks move",
        ]
    if found.text_similarity is not None:
        lines.append(
            f"text similarity   {found.text_similarity:.3f}   (text model {found.text_model})"
        )
    return lines
