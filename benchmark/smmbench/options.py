"""Options of the command line, each defined once, with the same meaning in every command.

A command uses one as the annotation of a parameter with the option's name, such as `seed: Seed =
None`; anything specific to a command is in that command's help. Packages that add commands through
the entry point `smmbench.commands` may use them too.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar

import typer
from typer.core import TyperCommand


def _option(name: str, help: str, *spellings: str, variable: bool = True, **more: Any) -> Any:
    """Define an option; `variable` also allows the environment variable of its name."""
    variables = [f"SMMBENCH_{name[2:].replace('-', '_').upper()}"] if variable else []
    return typer.Option(name, *spellings, help=help, envvar=variables or None, **more)


# What is run, and on what ---------------------------------------------------------------------

Method = Annotated[
    str,
    _option("--method", "Name of a method or recipe, path.py:Class, or path of a recipe's TOML."),
]
_DATASET = _option("--dataset", "Name of a dataset, or path of its TOML file.")
Dataset = Annotated[str, _DATASET]
DatasetFilter = Annotated[str | None, _DATASET]
ValidationSet = Annotated[  # no variable: a test set must not slip into tuning
    str, _option("--dataset", "Name of a dataset, or path of its TOML file.", variable=False)
]
Preset = Annotated[
    str | None,
    _option("--preset", "Preset of the method. Default: the one named like the dataset."),
]
Set = Annotated[
    list[str] | None,
    _option(
        "--set",
        "Set a parameter of the method, overriding its preset; repeatable.",
        variable=False,
        metavar="NAME=VALUE",
    ),
]
Clip = Annotated[
    list[str] | None,
    _option("--clip", "Only this clip; repeatable.", variable=False, metavar="NAME"),
]
Edit = Annotated[
    list[str] | None,
    _option("--edit", "Only this edit; repeatable.", variable=False, metavar="NAME"),
]
Reference = Annotated[
    list[str] | None,
    _option(
        "--reference",
        "Motion that the method receives, with the same prompts: forward (the clip's own), "
        "reversed, other (another clip's) or none (a still); repeatable.",
        variable=False,
        metavar="KIND",
    ),
]
Seed = Annotated[list[int] | None, _option("--seed", "Only this seed of the videos; repeatable.")]
_LIMIT = _option(
    "--limit",
    "Maximum number of pairs, taken round-robin over the clips: the first prompt of each clip, "
    "with the first seed, before the second prompt of any.",
    min=1,
)
Limit = Annotated[int | None, _LIMIT]
LimitShown = Annotated[int, _LIMIT]

# How it is run --------------------------------------------------------------------------------

Device = Annotated[
    str, _option("--device", "cpu, cuda, cuda:1 or mps; auto uses a GPU if available.")
]
Batch = Annotated[
    int,
    _option(
        "--batch",
        "Pairs per batch, for methods that support batching. Larger is faster on a GPU.",
        min=1,
    ),
]
Executor = Annotated[str, _option("--executor", "local, or ray for several GPUs or machines.")]
RayAddress = Annotated[
    str | None,
    typer.Option(
        "--ray-address",
        envvar="RAY_ADDRESS",  # Ray's own
        metavar="HOST:PORT",
        help="With --executor ray: the head of a running cluster; auto: the cluster of this "
        "machine; local, or if not given: a new one on this machine.",
    ),
]
Workers = Annotated[
    int | None,
    _option(
        "--workers",
        "How many work at once; numbers do not depend on it. With --executor ray: workers, by "
        "default one for each GPU of the cluster. Of `score` without Ray: processes, by default "
        "one for each core, up to 8, where there is enough to do.",
        min=1,
    ),
]
Shard = Annotated[
    str | None,
    _option(
        "--shard",
        "Only the I-th of N shards of the clips, for several processes or machines.",
        metavar="I/N",
    ),
]
DryRun = Annotated[bool, _option("--dry-run", "Print what would be done; change nothing.")]
Quick = Annotated[bool, _option("--quick", "Run fewer checks, in less time.")]

# Results and what is written ------------------------------------------------------------------

Results = Annotated[
    Path,
    typer.Option(
        "--results",
        # The second is its older name.
        envvar=["SMMBENCH_RESULTS", "SMMBENCH_OUTPUT"],
        help="The results folder.",
    ),
]
ResultsArgument = Annotated[
    Path, typer.Argument(help="The results folder, or a folder in it (results/smm).")
]
ResultsFolders = Annotated[
    list[Path] | None,
    typer.Argument(help="Results folders, or folders in them (results/smm); `results` if none."),
]
_OUTPUT = _option(  # no variable: one command's file is not another's
    "--output", "File or folder to write.", "-o", variable=False
)
Output = Annotated[Path, _OUTPUT]
OutputOrDefault = Annotated[Path | None, _OUTPUT]
Port = Annotated[
    int,
    _option(
        "--port",
        "Port of the server; 0 selects a free one.",
        variable=False,
        min=0,
        max=65535,
    ),
]
Json = Annotated[bool, _option("--json", "Print JSON.")]
Label = Annotated[
    str | None,
    _option("--label", "Name on the board. Default: the method's name; imported outputs need one."),
]
Methods = Annotated[
    list[str] | None,
    _option(
        "--methods",
        "Only methods with these labels; repeatable, or comma-separated.",
        variable=False,
        metavar="LABEL",
    ),
]
Exclude = Annotated[
    list[str] | None,
    _option(
        "--exclude",
        "Exclude methods with these labels; repeatable, or comma-separated.",
        variable=False,
        metavar="LABEL",
    ),
]

# How it is scored -----------------------------------------------------------------------------

Metrics = Annotated[
    str | None,
    _option("--metrics", "Comma-separated names of metrics: see `smmbench metrics list`."),
]
_TRACKER = _option(
    "--tracker",
    "Tracker: dis, lucas-kanade, bootstapir:/path.pt, or another of `smmbench trackers list`.",
)
Tracker = Annotated[str, _TRACKER]
TrackerOrProtocols = Annotated[str | None, _TRACKER]
Trackers = Annotated[
    list[str] | None,
    _option(
        "--tracker",
        "Tracker: dis, lucas-kanade, farneback or another of `smmbench trackers list`; repeatable.",
        variable=False,
        metavar="SPEC",
    ),
]
Plot = Annotated[
    Path | None,
    _option("--plot", "Also draw the table into this .png or .svg file.", variable=False),
]
_TEXT_MODEL = _option(
    "--text-model",
    "Text model: ViT-B-32:openai, ViT-B-32:/path of weights, a folder in the layout of "
    "open_clip or of transformers, or emoji-clip (only for emoji clips).",
)
TextModel = Annotated[str, _TEXT_MODEL]
TextModelOrNone = Annotated[str | None, _TEXT_MODEL]
_FRAMES = _option(
    "--frames", "Maximum number of frames per clip, from the first.", variable=False, min=2
)
Frames = Annotated[int, _FRAMES]
FramesOrAll = Annotated[int | None, _FRAMES]
_FPS = _option("--fps", "Frame rate of the videos, in frames per second.", variable=False)
Fps = Annotated[float, _FPS]
FpsOrFiles = Annotated[float | None, _FPS]
Size = Annotated[str, _option("--size", "Width and height in pixels.", variable=False)]

# What is said of it ---------------------------------------------------------------------------

Name = Annotated[
    str, _option("--name", "Name of the new item: a-z, 0-9, '.', '_', '-'.", variable=False)
]
Title = Annotated[str, _option("--title", "Human-readable name.", variable=False)]
Paper = Annotated[
    str, _option("--paper", "Reference of the paper, or its address.", variable=False)
]
_LICENCE = _option("--licence", "Licence, such as 'CC BY 4.0'.", variable=False)
Licence = Annotated[str, _LICENCE]
_PROMPTS = _option("--prompts", "File of the prompts.", variable=False)
Prompts = Annotated[Path, _PROMPTS]
PromptsIfNeeded = Annotated[Path | None, _PROMPTS]


def labels(given: list[str] | None) -> list[str]:
    """Return the labels that --methods or --exclude name, each possibly comma-separated."""
    return [label.strip() for one in given or () for label in one.split(",")]


# Older spellings ------------------------------------------------------------------------------


def accepting(spellings: Mapping[str, str]) -> type[TyperCommand]:
    """Create a command class that also accepts older spellings of its options.

    Args:
        spellings: From an older spelling to the option's name: `{"-o": "--results"}`. The help
            does not show them.
    """

    class Command(TyperCommand):
        older: ClassVar[Mapping[str, str]] = spellings

        def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
            return super().parse_args(ctx, respelled(args, spellings))

    return Command


def respelled(words: list[str], older: Mapping[str, str]) -> list[str]:
    """Put the name of an option where an older spelling of it stands; nothing after `--`."""
    end = words.index("--") if "--" in words else len(words)
    return [_respelled(word, older) for word in words[:end]] + words[end:]


def _respelled(word: str, older: Mapping[str, str]) -> str:
    name, equals, value = word.partition("=")
    if name in older:
        return f"{older[name]}{equals}{value}"
    if not word.startswith("--") and word[:2] in older:  # -oDIR
        return f"{older[word[:2]]}={word[2:]}"
    return word
