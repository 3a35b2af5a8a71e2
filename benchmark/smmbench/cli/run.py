"""`smmbench run`: make videos with a method."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from smmbench.display import print_document, print_line

if TYPE_CHECKING:
    from smmbench.running.loop import Plan, Summary


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("run")(run)


def run(
    method: Annotated[
        str,
        typer.Option(
            envvar="SMMBENCH_METHOD",
            help="Name of a method or recipe, path.py:Class, or path of a recipe's TOML file.",
        ),
    ],
    dataset: Annotated[
        str,
        typer.Option(
            envvar="SMMBENCH_DATASET", help="Name of a dataset, or path of its TOML file."
        ),
    ] = "emoji",
    preset: Annotated[
        str | None,
        typer.Option(
            envvar="SMMBENCH_PRESET",
            help="A preset of the method; if not given, the one named like the dataset, if any.",
        ),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", help="Set a parameter of the method; repeatable."
        ),
    ] = None,
    tuned: Annotated[
        Path | None,
        typer.Option(
            "--settings",
            metavar="FILE",
            help="The tuned.toml of `smmbench tune`: its preset and parameters; --set goes after.",
        ),
    ] = None,
    label: Annotated[
        str | None,
        typer.Option(envvar="SMMBENCH_LABEL", help="Name on the board, if not the method's own."),
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", envvar="SMMBENCH_OUTPUT", help="The results folder.")
    ] = Path("results"),
    limit: Annotated[
        int | None,
        typer.Option(
            min=1,
            envvar="SMMBENCH_LIMIT",
            help="At most so many pairs of clip and prompt, around the clips: the first prompt "
            "of each clip, with the first seed, before the second prompt of any.",
        ),
    ] = None,
    clips: Annotated[
        list[str] | None,
        typer.Option("--clip", metavar="NAME", help="Only this clip; repeatable."),
    ] = None,
    edits: Annotated[
        list[str] | None,
        typer.Option("--edit", metavar="NAME", help="Only this edit; repeatable."),
    ] = None,
    seeds: Annotated[
        list[int] | None,
        typer.Option(
            "--seed",
            envvar="SMMBENCH_SEED",
            help="Seed; repeatable. If not given, those of the dataset's protocol.",
        ),
    ] = None,
    device: Annotated[
        str,
        typer.Option(
            envvar="SMMBENCH_DEVICE", help="cpu, cuda, cuda:1, mps; auto takes a GPU if there is."
        ),
    ] = "auto",
    batch: Annotated[
        int,
        typer.Option(
            min=1,
            envvar="SMMBENCH_BATCH",
            help="Pairs made at once, by methods that can; a GPU is faster so.",
        ),
    ] = 1,
    share: Annotated[
        str | None,
        typer.Option(
            "--shard",
            metavar="I/N",
            envvar="SMMBENCH_SHARD",
            help="Only the I-th of N shares of the clips, for several processes or machines.",
        ),
    ] = None,
    executor: Annotated[
        str,
        typer.Option(
            envvar="SMMBENCH_EXECUTOR", help="local, or ray for several GPUs or machines."
        ),
    ] = "local",
    workers: Annotated[
        int | None,
        typer.Option(
            min=1, envvar="SMMBENCH_WORKERS", help="Number of Ray workers; default: one a GPU."
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Make anew what is done, also in another way.")
    ] = False,
    keep_failed: Annotated[
        bool, typer.Option("--keep-failed", help="Do not try again what failed before.")
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", envvar="SMMBENCH_DRY_RUN", help="Print what would run; make nothing."
        ),
    ] = False,
    as_json: Annotated[
        bool,
        typer.Option("--json", envvar="SMMBENCH_JSON", help="Print the outcome as JSON."),
    ] = False,
) -> None:
    """Make the videos of a method; run it again to go on where it stopped.

    Exit code: 0 all done, 1 some pair failed, 2 wrong use, 130 stopped by Ctrl-C.
    """
    from smmbench.resolving import resolve
    from smmbench.running.executors import named_executor
    from smmbench.running.loop import plan_run
    from smmbench.running.loop import run as make

    execute = named_executor(executor, workers)
    resolved = resolve(method)
    settings = settings or []
    tuning = None
    if tuned is not None:
        from smmbench.tuning.tuned_file import read_tuned

        search = read_tuned(tuned, resolved)
        preset = search.preset_with(preset)
        settings = [*search.settings, *settings]  # what --set says comes last, so it counts
        tuning = search.tuning
    plan = plan_run(
        resolved,
        dataset,
        output,
        preset=preset,
        settings=settings,
        tuning=tuning,
        label=label,
        clips=clips or (),
        edits=edits or (),
        seeds=seeds or (),
        limit=limit,
        share=share,
        device=device,
        batch=batch,
        overwrite=overwrite,
        keep_failed=keep_failed,
    )
    if dry_run:
        _print_plan(plan, as_json)
        return
    try:
        summary = make(plan, execute)
    except KeyboardInterrupt:
        print_line("Stopped. The same command goes on from here.", err=True)
        raise typer.Exit(130) from None
    _print_summary(plan, summary, as_json)
    raise typer.Exit(1 if summary.failed else 0)


def _print_plan(plan: Plan, as_json: bool) -> None:
    import json

    from rich.table import Table

    from smmbench.display import console

    rows = [
        {
            "clip": pair.clip.name,
            "edit": pair.edit.name,
            "seed": pair.seed,
            "state": state,
            "prompt": pair.edit.prompt,
        }
        for pair, state in plan.pairs
    ]
    if as_json:
        job = plan.job
        about = {"method": job.label, "parameters": job.recorded_parameters, "device": job.device}
        print_document(json.dumps({**about, "todo": len(plan.todo), "pairs": rows}, indent=2))
        return
    table = Table("clip", "edit", "seed", "state", "prompt", box=None)
    for row in rows:
        table.add_row(*(str(value) for value in row.values()))
    console().print(table, markup=False)
    job, dataset = plan.job, plan.dataset.manifest.name
    print_line(
        f"{job.label} on {dataset}: {len(plan.todo)} of {len(rows)} pairs would run on "
        f"{job.device}, into {job.root}.",
        err=True,
    )


def _print_summary(plan: Plan, summary: Summary, as_json: bool) -> None:
    import dataclasses
    import json

    from smmbench.progress import duration

    job = plan.job
    if as_json:
        content = dataclasses.asdict(summary) | {
            "failures": [record.model_dump(mode="json") for record in summary.failures],
            "results": str(job.root / job.label),
        }
        print_document(json.dumps(content, indent=2))
    print_line(
        f"{job.label} on {plan.dataset.manifest.name}: {summary.made} made, {summary.kept} done "
        f"before, {summary.failed} failed, in {duration(summary.seconds)}; "
        f"results in {job.root / job.label}.",
        err=True,
    )
    if summary.failed:
        print_line(f"Tracebacks are in {job.root / job.label / 'run.log'}.", err=True)
    named = job.dataset == plan.dataset.manifest.name  # else only its path finds it
    choice = "" if named else f" --dataset {job.dataset}"
    print_line(f"Next: smmbench score {job.root}{choice}", err=True)
