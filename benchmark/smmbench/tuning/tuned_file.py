"""`tuned.toml`: the result of a search, for `smmbench run --settings tuned.toml`."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from smmbench.resolving import ResolvedMethod
from smmbench.results import Stored, Tuning
from smmbench.running.description import describe_environment
from smmbench.storage.atomic import write_text
from smmbench.storage.home import file_sha256
from smmbench.storage.text import read_text
from smmbench.tuning.searching import TRIALS, Search, as_settings
from smmbench.tuning.trials import Trial, best_of

TUNED = "tuned.toml"
HEAD = "# Written by `smmbench tune`; `smmbench run --settings FILE` takes preset and parameters.\n"


class Content(Stored):
    """The content of the file."""

    schema_version: int
    method: str
    entry: str
    dataset: str
    dataset_version: int
    protocol_sha256: str
    preset: str  # empty for the defaults
    fixed: tuple[str, ...]
    rule: str
    seed: int
    budget: int
    trials: int
    pairs: int
    seeds: tuple[int, ...]
    best: int
    objective: float
    objective_of_preset: float
    seconds: float
    trials_sha256: str
    device: str
    parameters: dict[str, Any]
    means: dict[str, float]
    space: dict[str, str]
    metrics: dict[str, int]
    versions: dict[str, str]
    weights: dict[str, str]


@dataclass(frozen=True)
class Tuned:
    """The part of the file that a run uses.

    Attributes:
        path: Path of the file.
        preset: The preset with which the search began; empty for the defaults.
        settings: Parameters, each `name=value`: the fixed ones, then those found by the search.
        tuning: The description of the search for the board.
    """

    path: Path
    preset: str
    settings: tuple[str, ...]
    tuning: Tuning

    def preset_with(self, asked: str | None) -> str | None:
        """The preset of a run.

        Raises:
            ValueError: Another one was requested.
        """
        if asked is not None and asked != self.preset:
            raise ValueError(
                f"'{self.path}' was tuned from the preset '{self.preset}', not '{asked}'. Leave "
                "--preset out."
            )
        return self.preset or None


def write_tuned(plan: Search, budget: int, trials: list[Trial]) -> Path:
    """Write the file of a search next to its trials; equal trials give equal parameters."""
    best, asked = best_of(trials), plan.question
    environment = describe_environment(plan.device)
    content = Content(
        schema_version=1,
        method=asked.method,
        entry=asked.entry,
        dataset=asked.dataset,
        dataset_version=asked.dataset_version,
        protocol_sha256=asked.protocol_sha256,
        preset=asked.preset or "",
        fixed=asked.fixed,
        rule=asked.rule,
        seed=asked.seed,
        budget=budget,
        trials=len(trials),
        pairs=asked.pairs,
        seeds=asked.seeds,
        best=best.number,
        objective=best.objective,
        objective_of_preset=trials[0].objective,
        seconds=round(sum(trial.seconds for trial in trials), 1),
        trials_sha256=file_sha256(plan.folder / TRIALS),
        device=environment.device,
        parameters={name: {**asked.start, **best.changes}[name] for name in plan.space},
        means=best.means,
        space=asked.space,
        metrics=asked.metrics,
        versions=environment.packages,
        weights=best.weights,
    )
    path = plan.folder / TUNED
    write_text(path, HEAD + as_toml(content.model_dump(mode="json")))
    return path


def read_tuned(path: Path, method: ResolvedMethod) -> Tuned:
    """Read the file for a run of a method.

    Raises:
        ValueError: It is not such a file, or belongs to another method, which the message names.
        FileNotFoundError: There is no file.
    """
    text = read_text(path.expanduser())
    try:
        content = Content.model_validate(tomllib.loads(text))
    except (ValidationError, tomllib.TOMLDecodeError) as error:
        raise ValueError(
            f"'{path}' was not written by `smmbench tune`: {str(error).splitlines()[0]}"
        ) from error
    if content.entry != method.entry:
        raise ValueError(
            f"'{path}' was tuned for '{content.method}' ({content.entry}), not for "
            f"'{method.reference}' ({method.entry})."
        )
    return Tuned(
        path=path,
        preset=content.preset,
        settings=(*content.fixed, *as_settings(content.parameters)),
        tuning=Tuning(
            dataset=content.dataset,
            rule=content.rule,
            budget=content.budget,
            trials=content.trials,
            pairs=content.pairs,
            seed=content.seed,
            file_sha256=file_sha256(path.expanduser()),
        ),
    )


def as_toml(content: Mapping[str, Any]) -> str:
    """Values, then tables of values; None, which TOML lacks, as written by `--set`."""
    plain = {name: value for name, value in content.items() if not isinstance(value, dict)}
    tables = {name: value for name, value in content.items() if isinstance(value, dict)}
    text = "".join(f"{name} = {_value(value)}\n" for name, value in plain.items())
    for name, table in tables.items():
        lines = (f"{_value(key)} = {_value(value)}\n" for key, value in table.items())
        text += f"\n[{name}]\n" + "".join(lines)
    return text


def _value(value: Any) -> str:
    if value is None:
        return '"none"'
    if isinstance(value, list):
        return f"[{', '.join(_value(one) for one in value)}]"
    return json.dumps(value)  # numbers, booleans and text are written alike
