"""`smmbench tune`: search a method's parameters, by the same rule for all methods."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from smmbench.display import print_json, print_line
from smmbench.display.examples import examples
from smmbench.options import (
    Batch,
    Device,
    DryRun,
    Executor,
    Json,
    Limit,
    Method,
    OutputOrDefault,
    Preset,
    RayAddress,
    Seed,
    Set,
    ValidationSet,
    Workers,
)

if TYPE_CHECKING:
    from smmbench.tuning.searching import Search
    from smmbench.tuning.trials import Trial


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command(
        "tune",
        epilog=examples(
            "smmbench tune --method sdedit --budget 4 --limit 4",
            "smmbench tune --method smm --dataset emoji-val --budget 8 --dry-run",
        ),
    )(tune)


def tune(
    method: Method,
    budget: Annotated[
        int,
        typer.Option(
            "--budget", min=1, help="Total number of settings to try; the first is the preset."
        ),
    ],
    dataset: ValidationSet = "emoji-val",
    preset: Preset = None,
    set: Set = None,
    seconds: Annotated[
        float | None,
        typer.Option(
            "--seconds",
            min=0,
            help="Start no further trial after this many seconds of all trials together.",
        ),
    ] = None,
    search_seed: Annotated[
        int, typer.Option("--search-seed", min=0, help="Seed of the search.")
    ] = 0,
    output: OutputOrDefault = None,
    limit: Limit = None,
    seed: Seed = None,
    device: Device = "auto",
    batch: Batch = 1,
    executor: Executor = "local",
    workers: Workers = None,
    ray_address: RayAddress = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Search a method's parameters on a validation set.

    The method's class declares the search space, and the best setting is written to tuned.toml.

    The same rule applies to every method: the preset first, then points of a scrambled Sobol
    sequence; the objective is the mean text similarity plus the mean motion fidelity over all
    pairs, where a missing number counts as worst. Parameters given by --set are fixed and not
    searched. Trials are stored in tuning/METHOD/DATASET, or in the folder that --output names. Run
    again to resume, or with a larger budget.

    Exit code: 0 done, 2 incorrect usage, 130 stopped by Ctrl-C.
    """
    from smmbench.cluster.choosing import choosing_devices
    from smmbench.resolving import resolve
    from smmbench.running.executors import named_executor
    from smmbench.scoring.on_ray import score_on_ray
    from smmbench.tuning.searching import plan_search, search
    from smmbench.tuning.tuned_file import write_tuned

    execute = named_executor(executor, workers, ray_address)
    resolved = resolve(method)
    folder = output or Path("tuning") / resolved.label / Path(dataset).stem

    def report(trial: Trial) -> None:
        print_line(f"[trial {trial.number + 1}/{budget}] {_line(trial)}", err=True)

    # One connection for all trials: what they need is not begun again for each.
    with choosing_devices(executor, ray_address, here=dry_run) as device_of:
        plan = plan_search(
            resolved,
            dataset,
            folder,
            preset=preset,
            fixed=set or (),
            seeds=seed or (),
            limit=limit,
            device=device,
            batch=batch,
            seed=search_seed,
            device_of=device_of,
        )
        if dry_run:
            _print_plan(plan, budget, json)
            return
        score = partial(score_on_ray, workers=workers) if executor == "ray" else None
        try:
            trials = search(plan, budget, execute, seconds, report, score)
        except KeyboardInterrupt:
            print_line("Stopped. Run the same command to resume.", err=True)
            raise typer.Exit(130) from None
    path = write_tuned(plan, budget, trials)
    _print_trials(plan, trials, json)
    if len(trials) < budget and seconds is None:
        print_line(f"The search space has only {len(trials)} settings.", err=True)
    print_line(f"Wrote {path}. Next: smmbench run --method {method} --settings {path}", err=True)


def _line(trial: Trial) -> str:
    from smmbench.progress import duration

    changes = " ".join(f"{name}={value}" for name, value in trial.changes.items()) or "the preset"
    return (
        f"{changes}: {trial.objective:.3f}, {trial.scored} of {trial.pairs} pairs scored, "
        f"{duration(trial.seconds)}"
    )


def _print_plan(plan: Search, budget: int, json: bool) -> None:
    settings = [plan.recorded(changes) for changes in plan.settings(budget)]
    if json:
        content = {"question": plan.question.model_dump(mode="json"), "settings": settings}
        print_json({**content, "done": len(plan.done)})
        return
    for number, changes in enumerate(settings):
        state = "done" if number < len(plan.done) else "to do"
        told = " ".join(f"{name}={value}" for name, value in changes.items()) or "the preset"
        print_line(f"trial {number:>3}  {state:<5}  {told}")
    asked = plan.question
    print_line(
        f"{asked.method} on {asked.dataset}: {asked.pairs} pairs a trial, on {plan.device}, into "
        f"{plan.folder}.",
        err=True,
    )


def _print_trials(plan: Search, trials: list[Trial], json: bool) -> None:
    from rich.table import Table

    from smmbench.display import print_table
    from smmbench.tuning.trials import best_of

    best = best_of(trials)
    if json:
        content = {"best": best.number, "trials": [one.model_dump(mode="json") for one in trials]}
        print_json(content)
        return
    table = Table("trial", *plan.space, box=None, pad_edge=False)
    for name in (*best.means, "sum", "scored"):
        table.add_column(name.replace("_", " "), justify="right")
    for one in sorted(trials, key=lambda trial: -trial.objective):
        values = {**plan.question.start, **one.changes}
        table.add_row(
            f"{one.number}{' *' if one == best else ''}",
            *(str(values[name]) for name in plan.space),
            *(f"{mean:.3f}" for mean in one.means.values()),
            f"{one.objective:.3f}",
            f"{one.scored} of {one.pairs}",
        )
    print_table(table)
