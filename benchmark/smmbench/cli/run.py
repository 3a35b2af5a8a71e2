"""`smmbench run`: make videos with a method."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from smmbench.cli.readiness import checks_of, print_checks
from smmbench.display import print_json, print_line
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
    Results,
    Seed,
    Set,
    Shard,
    Workers,
    accepting,
)

if TYPE_CHECKING:
    from smmbench.doctor import Check
    from smmbench.running.loop import Plan, Summary


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("run", cls=accepting({"--output": "--results", "-o": "--results"}))(run)


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
            help="The tuned.toml of `smmbench tune`: its preset and parameters; --set goes after.",
        ),
    ] = None,
    label: Label = None,
    results: Results = Path("results"),
    limit: Limit = None,
    clip: Clip = None,
    edit: Edit = None,
    seed: Seed = None,
    device: Device = "auto",
    batch: Batch = 1,
    shard: Shard = None,
    executor: Executor = "local",
    workers: Workers = None,
    overwrite: Annotated[
        bool,
        typer.Option("--overwrite", help="Regenerate finished pairs, even if parameters changed."),
    ] = False,
    keep_failed: Annotated[
        bool, typer.Option("--keep-failed", help="Do not try again what failed before.")
    ] = False,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Make the videos of a method; run it again to resume.

    Without --seed, the seeds of the dataset's protocol are taken.
    Exit code: 0 all done, 1 some pair failed, 2 wrong use, 130 stopped by Ctrl-C.
    With --dry-run: 0 the run can begin here, 1 something is missing, which is said.
    """
    from smmbench.progress import starting

    if not dry_run:
        starting(f"{method} on {dataset}")
    from smmbench.doctor.readiness import is_ready
    from smmbench.resolving import resolve
    from smmbench.results.sharding import parse_shard
    from smmbench.running.executors import named_executor
    from smmbench.running.loop import plan_run
    from smmbench.running.loop import run as make

    if shard is not None:
        parse_shard(shard)  # wrong use is said before anything is loaded
    execute = named_executor(executor, workers)
    resolved = resolve(method)
    parameters = set or []
    tuning = None
    if settings is not None:
        from smmbench.tuning.tuned_file import read_tuned

        search = read_tuned(settings, resolved)
        preset = search.preset_with(preset)
        parameters = [*search.settings, *parameters]  # what --set says comes last, so it counts
        tuning = search.tuning
    plan = plan_run(
        resolved,
        dataset,
        results,
        preset=preset,
        settings=parameters,
        tuning=tuning,
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
    )
    if dry_run:
        checks = checks_of(plan, preset)
        _print_plan(plan, checks, json)
        raise typer.Exit(0 if is_ready(checks) else 1)
    if not plan.pairs:
        print_line(f"There is nothing in share {shard}: it is beyond the last clip.", err=True)
    try:
        summary = make(plan, execute)
    except KeyboardInterrupt:
        print_line("Stopped. The same command goes on from here.", err=True)
        raise typer.Exit(130) from None
    _print_summary(plan, summary, json)
    raise typer.Exit(1 if summary.failed else 0)


def _print_plan(plan: Plan, checks: list[Check], json: bool) -> None:
    import dataclasses

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
    if json:
        job = plan.job
        about = {"method": job.label, "parameters": job.recorded_parameters, "device": job.device}
        looked_at = [dataclasses.asdict(check) for check in checks]
        print_json({**about, "todo": len(plan.todo), "pairs": rows, "checks": looked_at})
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
    print_checks(checks)


def _print_summary(plan: Plan, summary: Summary, json: bool) -> None:
    import dataclasses

    from smmbench.progress import duration

    job = plan.job
    if json:
        content = dataclasses.asdict(summary) | {
            "failures": [record.model_dump(mode="json") for record in summary.failures],
            "results": str(job.root / job.label),
        }
        print_json(content)
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
