"""`smmbench tune`: search a method's parameters by one rule for all."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from smmbench.display import print_document, print_line

if TYPE_CHECKING:
    from smmbench.tuning.searching import Search
    from smmbench.tuning.trials import Trial


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("tune")(tune)


def tune(
    method: Annotated[
        str, typer.Option(envvar="SMMBENCH_METHOD", help="Name of a method, or path.py:Class.")
    ],
    budget: Annotated[
        int, typer.Option(min=1, help="Settings to try in all; the first is the preset itself.")
    ],
    dataset: Annotated[
        str, typer.Option(help="Name of a validation set, or path of its TOML file.")
    ] = "emoji-val",
    preset: Annotated[
        str | None,
        typer.Option(
            envvar="SMMBENCH_PRESET",
            help="Where to begin; if not given, the preset named like the dataset, if any.",
        ),
    ] = None,
    fixed: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", help="Fix a parameter: it is not searched; repeatable."
        ),
    ] = None,
    seconds: Annotated[
        float | None,
        typer.Option(min=0, help="Begin no trial after so many seconds of all trials together."),
    ] = None,
    search_seed: Annotated[int, typer.Option(min=0, help="Seed of the search.")] = 0,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Folder of trials; default: tuning/METHOD/DATASET."),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(
            min=1, envvar="SMMBENCH_LIMIT", help="At most so many pairs of the set in each trial."
        ),
    ] = None,
    seeds: Annotated[
        list[int] | None,
        typer.Option(
            "--seed",
            envvar="SMMBENCH_SEED",
            help="Seed of the videos; repeatable. If not given, those of the set's protocol.",
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
            min=1, envvar="SMMBENCH_BATCH", help="Pairs made at once, by methods that can."
        ),
    ] = 1,
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
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", envvar="SMMBENCH_DRY_RUN", help="Print what would be tried; make nothing."
        ),
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", envvar="SMMBENCH_JSON", help="Print the trials as JSON.")
    ] = False,
) -> None:
    """Search what a method's class declares, on a validation set; write the best as tuned.toml.

    The same rule holds for every method: the preset, then points of a scrambled Sobol sequence;
    what counts is the mean text similarity plus the mean motion fidelity over all pairs, one
    without a number being worst. Run it again to go on where it stopped, or with a larger budget.
    Exit code: 0 done, 2 wrong use, 130 stopped by Ctrl-C.
    """
    from smmbench.resolving import resolve
    from smmbench.running.executors import named_executor
    from smmbench.tuning.searching import plan_search, search
    from smmbench.tuning.tuned_file import write_tuned

    execute = named_executor(executor, workers)
    resolved = resolve(method)
    folder = output or Path("tuning") / resolved.label / Path(dataset).stem
    plan = plan_search(
        resolved,
        dataset,
        folder,
        preset=preset,
        fixed=fixed or (),
        seeds=seeds or (),
        limit=limit,
        device=device,
        batch=batch,
        seed=search_seed,
    )
    if dry_run:
        _print_plan(plan, budget, as_json)
        return

    def report(trial: Trial) -> None:
        print_line(f"[trial {trial.number + 1}/{budget}] {_line(trial)}", err=True)

    try:
        trials = search(plan, budget, execute, seconds, report)
    except KeyboardInterrupt:
        print_line("Stopped. The same command goes on from here.", err=True)
        raise typer.Exit(130) from None
    path = write_tuned(plan, budget, trials)
    _print_trials(plan, trials, as_json)
    if len(trials) < budget and seconds is None:
        print_line(f"The space has no more than {len(trials)} settings.", err=True)
    print_line(f"Wrote {path}. Next: smmbench run --method {method} --settings {path}", err=True)


def _line(trial: Trial) -> str:
    from smmbench.progress import duration

    changes = " ".join(f"{name}={value}" for name, value in trial.changes.items()) or "the preset"
    return (
        f"{changes}: {trial.objective:.3f}, {trial.scored} of {trial.pairs} pairs scored, "
        f"{duration(trial.seconds)}"
    )


def _print_plan(plan: Search, budget: int, as_json: bool) -> None:
    import json

    settings = plan.settings(budget)
    if as_json:
        content = {"question": plan.question.model_dump(mode="json"), "settings": settings}
        print_document(json.dumps({**content, "done": len(plan.done)}, indent=2))
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


def _print_trials(plan: Search, trials: list[Trial], as_json: bool) -> None:
    import json

    from rich.table import Table

    from smmbench.display import console
    from smmbench.tuning.trials import best_of

    best = best_of(trials)
    if as_json:
        content = {"best": best.number, "trials": [one.model_dump(mode="json") for one in trials]}
        print_document(json.dumps(content, indent=2))
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
    console().print(table, markup=False)
