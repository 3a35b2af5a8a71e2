"""`smmbench run`: generate videos with a method."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from smmbench.cli.readiness import checks_of
from smmbench.cli.run_output import print_plans, print_summaries
from smmbench.display import print_line
from smmbench.display.examples import examples
from smmbench.options import (
    Batch,
    Clip,
    Dataset,
    Device,
    DryRun,
    Edit,
    Executor,
    Json,
    Label,
    Limit,
    Method,
    Preset,
    RayAddress,
    Reference,
    Results,
    Seed,
    Set,
    Shard,
    Workers,
    accepting,
)


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    older = accepting({"--output": "--results", "-o": "--results"})
    app.command(
        "run",
        cls=older,
        epilog=examples(
            "smmbench run --method smm --dataset emoji --limit 4",
            "smmbench run --method sdedit --set noise_level=0.7 --label sdedit-70 --limit 4",
            "smmbench run --method my_method.py:MyMethod --clip balloon-right --dry-run",
        ),
    )(run)


def run(
    method: Method,
    dataset: Dataset = "emoji",
    preset: Preset = None,
    set: Set = None,
    settings: Annotated[
        Path | None,
        typer.Option(
            "--settings",
            metavar="FILE",
            help="The tuned.toml of `smmbench tune`: preset and parameters; --set overrides it.",
        ),
    ] = None,
    label: Label = None,
    results: Results = Path("results"),
    limit: Limit = None,
    clip: Clip = None,
    edit: Edit = None,
    seed: Seed = None,
    reference: Reference = None,
    device: Device = "auto",
    batch: Batch = 1,
    shard: Shard = None,
    executor: Executor = "local",
    workers: Workers = None,
    ray_address: RayAddress = None,
    overwrite: Annotated[
        bool,
        typer.Option("--overwrite", help="Regenerate finished pairs, even if parameters changed."),
    ] = False,
    keep_failed: Annotated[
        bool, typer.Option("--keep-failed", help="Do not retry pairs that failed before.")
    ] = False,
    deterministic: Annotated[
        bool,
        typer.Option(
            "--deterministic",
            help="Use deterministic kernels of PyTorch only: slower, and the same GPU model gives "
            "the same pixels again.",
        ),
    ] = False,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Generate the videos of a method; run again to resume.

    Without --seed, the seeds of the dataset's protocol are used. Videos of a --reference other than
    forward are in no row of the board; `smmbench selectivity` compares them with those of the
    clips' own motion. Exit code: 0 all done, 1 a pair failed, 2 incorrect usage, 130 stopped by
    Ctrl-C. With --dry-run: 0 the run can start here, 1 something is missing and is listed.
    """
    from smmbench.progress import starting

    if not dry_run:
        starting(f"{method} on {dataset}")
    from smmbench.cluster.choosing import choosing_devices
    from smmbench.doctor.readiness import is_ready
    from smmbench.method.parameters import note_on_defaults
    from smmbench.resolving import resolve
    from smmbench.results.sharding import parse_shard
    from smmbench.running.executors import named_executor
    from smmbench.running.loop import chosen_references, plan_run
    from smmbench.running.loop import run as make

    if shard is not None:
        parse_shard(shard)  # wrong use is said before anything is loaded
    execute = named_executor(executor, workers, ray_address)
    resolved = resolve(method)
    parameters = set or []
    tuning = None
    if settings is not None:
        from smmbench.tuning.tuned_file import read_tuned

        search = read_tuned(settings, resolved)
        preset = search.preset_with(preset)
        parameters = [*search.settings, *parameters]  # what --set says comes last, so it counts
        tuning = search.tuning
    references = chosen_references(reference or ())
    with choosing_devices(executor, ray_address, here=dry_run) as device_of:
        plans = [
            plan_run(
                resolved,
                dataset,
                results,
                preset=preset,
                settings=parameters,
                tuning=tuning,
                reference=given,
                label=label,
                clips=clip or (),
                edits=edit or (),
                seeds=seed or (),
                limit=limit,
                share=shard,
                device=device,
                batch=batch,
                overwrite=overwrite,
                keep_failed=keep_failed,
                deterministic=deterministic,
                device_of=device_of,
            )
            for given in references
        ]
        if preset is None and not parameters and any(plan.todo for plan in plans):
            name = plans[0].dataset.manifest.name
            if note := note_on_defaults(resolved.implementation, name):
                print_line(note, err=True)
        if dry_run:
            checks = checks_of(plans[0], preset)
            print_plans(plans, checks, json)
            raise typer.Exit(0 if is_ready(checks) else 1)
        if not plans[0].pairs:
            print_line(f"Shard {shard} is empty: it is beyond the last clip.", err=True)
        summaries = []
        try:
            for plan in plans:
                summaries.append(make(plan, execute))
        except KeyboardInterrupt:
            print_line("Stopped. Run the same command to resume.", err=True)
            raise typer.Exit(130) from None
    print_summaries(plans, summaries, json)
    raise typer.Exit(1 if any(summary.failed for summary in summaries) else 0)
