"""The search loop: generate and score the videos of each setting on a validation set."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from smmbench.dataset import Dataset, dataset_names, load_dataset, protocol_sha256
from smmbench.environment import choose_device
from smmbench.method.parameters import (
    build_parameters,
    choose_preset,
    parameter_values,
    parameters_to_json,
)
from smmbench.method.search_space import Space
from smmbench.metrics.registry import metric
from smmbench.resolving import ResolvedMethod, resolve
from smmbench.results import method_folder
from smmbench.running.loop import Executor, plan_run, run
from smmbench.running.pairs import choose_pairs
from smmbench.scoring.loop import Outcome, ScoreLoop, results_below
from smmbench.scoring.options import Options
from smmbench.scoring.summary import summarise
from smmbench.scoring.workers import Result
from smmbench.tuning.proposals import RULE, proposals
from smmbench.tuning.space import checked_space
from smmbench.tuning.trials import Question, Trial, read_trials, write_trials

OBJECTIVE = ("text_similarity", "motion_fidelity")
"""The summed metrics: the two axes of the board, as means over all pairs."""

TRIALS, RESULTS = "trials.jsonl", "results"

Scoring = Callable[[Options, Sequence[Result], Iterable[Dataset]], Iterator[Outcome]]
"""Scores results of some datasets, and gives the outcomes in any order."""


@dataclass(frozen=True)
class Search:
    """A search that can be started or resumed.

    Attributes:
        question: What makes it this search, as its file records it.
        start: The `Parameters` of the first trial.
        dataset: The validation set; its name or the path of its manifest.
        method: The method.
        space: What is searched.
        folder: Folder of the trials and their videos.
        device: The device on which to compute.
        batch: Maximum number of pairs in a batch.
        limit: Maximum number of pairs of the set; None for all.
        done: Trials of earlier calls.
    """

    question: Question
    start: Any
    dataset: str
    method: ResolvedMethod
    space: dict[str, Space]
    folder: Path
    device: str
    batch: int = 1
    limit: int | None = None
    done: tuple[Trial, ...] = ()

    def settings(self, budget: int) -> list[dict[str, Any]]:
        """The changes of the first trials, typed; fewer if the space has no more settings."""
        found = proposals(self.method.implementation, self.start, self.space, self.question.seed)
        return list(islice(found, budget))

    def recorded(self, changes: dict[str, Any]) -> dict[str, Any]:
        """Changes as files have them: what JSON has for each parameter's type."""
        values = parameter_values(self.start) | changes
        built = build_parameters(self.method.implementation, values=values)
        return {name: value for name, value in parameters_to_json(built).items() if name in changes}


def plan_search(
    method: str | ResolvedMethod,
    dataset: str,
    folder: Path,
    *,
    preset: str | None = None,
    fixed: Sequence[str] = (),
    seeds: Sequence[int] = (),
    limit: int | None = None,
    device: str = "auto",
    batch: int = 1,
    seed: int = 0,
    device_of: Callable[[str], str] = choose_device,
) -> Search:
    """Determine what would be searched; nothing is generated.

    Args:
        method: A method's name, `path.py:Class`, or a resolved method.
        dataset: A validation set's name or the path of its manifest.
        folder: Folder for the trials; an earlier call of the same search is resumed.
        preset: The first trial; None for the preset of the dataset's family, if any.
        fixed: Fixed parameters, each `name=value`; they are not searched.
        seeds: Seeds of the videos; none for the protocol's.
        limit: Maximum number of pairs; see `choose_pairs`.
        device: As accepted by `choose_device`.
        batch: Maximum number of pairs in a batch.
        seed: Seed of the search.
        device_of: Chooses the device; a cluster has other devices than this machine.

    Raises:
        ValueError, LookupError, ImportError: The requested method or dataset does not exist, has
            nothing to search, or is a set on which methods are ranked.
    """
    resolved, described = resolve(method), load_dataset(dataset)
    found = resolved.implementation
    _refuse_a_board(described)
    name = described.manifest.name
    preset = choose_preset(found, preset, name)
    start = build_parameters(found, preset, fixed)
    staying = {setting.partition("=")[0] for setting in fixed}
    space = {one: of for one, of in checked_space(found).items() if one not in staying}
    if not space:
        raise ValueError(
            f"The method '{resolved.reference}' has nothing to search"
            + (" besides what --set fixes." if staying else ": its class declares no `search`.")
        )
    pairs = choose_pairs(described.manifest, seeds=seeds, limit=limit)
    question = Question(
        method=resolved.reference,
        entry=resolved.entry,
        dataset=name,
        dataset_version=described.manifest.version,
        protocol_sha256=protocol_sha256(described.manifest.protocol),
        preset=preset,
        start=parameters_to_json(start),
        fixed=tuple(fixed),
        space={one: str(of) for one, of in space.items()},
        rule=RULE,
        metrics={one: metric(one).version for one in OBJECTIVE},
        pairs=len(pairs),
        seeds=tuple(dict.fromkeys(seeds or described.manifest.protocol.seeds)),
        seed=seed,
    )
    search = Search(
        question, start, dataset, resolved, space, folder, device_of(device), batch, limit
    )
    return replace(search, done=tuple(read_trials(folder / TRIALS, question)))


def search(
    plan: Search,
    budget: int,
    execute: Executor,
    seconds: int | float | None = None,
    report: Callable[[Trial], None] = lambda trial: None,
    score: Scoring | None = None,
) -> list[Trial]:
    """Try settings until the budget or the time is used up; each trial is written immediately.

    Args:
        plan: What to search.
        budget: Total number of trials, including those of earlier calls.
        execute: Generates the videos.
        seconds: Total time of all trials after which no trial begins; None for no limit.
        report: Called with each trial, including earlier ones.
        score: Scores the videos; None for this process, which keeps the models loaded.

    Returns:
        All trials, those of earlier calls first.

    Raises:
        ValueError: The budget is below 1 or below the number of existing trials; or as `run`.
    """
    if budget < 1:
        raise ValueError(f"The budget must be at least 1 trial, got {budget}.")
    if budget < len(plan.done):
        raise ValueError(
            f"'{plan.folder}' holds {len(plan.done)} trials, and a budget of {budget} would not "
            "say so: what was tried counts. Ask for as many or more, or use another --output."
        )
    trials = list(plan.done)
    for trial in trials:
        report(trial)
    options = Options(metrics=OBJECTIVE, device=plan.device)
    dataset = load_dataset(plan.dataset)
    loop = ScoreLoop(options, [dataset])

    def scored(results: Sequence[Result]) -> list[Outcome]:
        found = loop.run(results) if score is None else score(options, results, [dataset])
        return sorted(found, key=lambda outcome: outcome.folder)

    for number, changes in list(enumerate(plan.settings(budget)))[len(trials) :]:
        if seconds is not None and trials and sum(one.seconds for one in trials) >= seconds:
            break
        trial = _try(plan, number, changes, execute, scored)
        trials.append(trial)
        write_trials(plan.folder / TRIALS, plan.question, trials)
        report(trial)
    return trials


def _try(
    plan: Search,
    number: int,
    changes: dict[str, Any],
    execute: Executor,
    scored: Callable[[Sequence[Result]], list[Outcome]],
) -> Trial:
    """Generate and score the videos of one setting; results of a killed call are kept."""
    begin = time.monotonic()
    root, label = plan.folder / RESULTS, f"trial-{number:03}"
    asked = plan.question
    run(
        plan_run(
            plan.method,
            plan.dataset,
            root,
            preset=asked.preset,
            settings=asked.fixed,
            parameters=changes,
            label=label,
            seeds=asked.seeds,
            limit=plan.limit,
            device=plan.device,
            batch=plan.batch,
            device_of=lambda chosen: chosen,
        ),
        execute,
    )
    outcomes = scored(results_below(method_folder(root, label), asked.dataset))
    (summary,) = summarise(outcomes, OBJECTIVE)
    means = {
        name: metric(name).worst if mean is None else mean for name, mean in summary.means.items()
    }
    return Trial(
        number=number,
        changes=plan.recorded(changes),
        objective=sum(means.values()),
        means=means,
        scored=summary.scored,
        pairs=summary.results,
        seconds=time.monotonic() - begin,
        weights=_weights(outcomes),
    )


def as_settings(changes: dict[str, Any]) -> Iterator[str]:
    """Parameters as `--set` takes them."""
    for name, value in changes.items():
        yield f"{name}={value if isinstance(value, str) else json.dumps(value)}"


def _weights(outcomes: Sequence[Outcome]) -> dict[str, str]:
    return next((one.record.weights for one in outcomes if one.record.weights), {})


def _refuse_a_board(dataset: Dataset) -> None:
    """Reject datasets on which methods are ranked: tuning on them would make ranks worthless."""
    manifest = dataset.manifest
    if manifest.purpose == "validation":
        return
    others = [
        name for name in dataset_names() if load_dataset(name).manifest.purpose == "validation"
    ]
    raise ValueError(
        f"Methods are ranked on '{manifest.name}', so it must not be used for tuning. Use a "
        f"validation set: {', '.join(others) or 'none is installed'}, or one of your own whose "
        'manifest states purpose = "validation".'
    )
