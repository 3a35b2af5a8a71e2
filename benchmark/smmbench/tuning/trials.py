"""The trials of a search: a file with one line per trial, from which a search is resumed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from smmbench.results import Stored
from smmbench.storage.atomic import write_text


class Question(Stored):
    """Everything that identifies a search; the first line of the file."""

    method: str
    entry: str
    dataset: str
    dataset_version: int
    protocol_sha256: str
    preset: str | None
    start: dict[str, Any]  # all parameters of the first trial
    fixed: tuple[str, ...]  # as on the command line: not searched
    space: dict[str, str]
    rule: str
    metrics: dict[str, int]  # versions of what is summed
    pairs: int
    seeds: tuple[int, ...]
    seed: int  # of the search


class Trial(Stored):
    """One setting and its outcome."""

    number: int
    changes: dict[str, Any]  # to the parameters of the first trial
    objective: float  # sum of the means
    means: dict[str, float]  # over all pairs; one without a number counts as worst
    scored: int  # pairs with every number
    pairs: int
    seconds: float
    weights: dict[str, str] = Field(default_factory=dict)


def read_trials(path: Path, question: Question) -> list[Trial]:
    """Trials of an earlier call of the same search; none if there is no file.

    An incomplete last line, left by a killed process, is skipped.

    Raises:
        ValueError: They belong to another search; the message states the difference.
    """
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8").splitlines()
    try:
        asked = Question.model_validate_json(lines[0])
        trials = [Trial.model_validate_json(line) for line in lines[1:] if _whole(line)]
    except (ValidationError, IndexError) as error:
        raise ValueError(f"'{path}' is not a readable list of trials. Delete it.") from error
    now, then = question.model_dump(mode="json"), asked.model_dump(mode="json")
    for name in now:
        if now[name] != then[name]:
            raise ValueError(
                f"'{path}' is of another search: its {name.replace('_', ' ')} is {then[name]!r}, "
                f"here it is {now[name]!r}. Use another --output, or ask for the same."
            )
    return trials


def write_trials(path: Path, question: Question, trials: list[Trial]) -> None:
    """Write all trials atomically."""
    lines = [question.model_dump_json(), *(trial.model_dump_json() for trial in trials)]
    write_text(path, "\n".join(lines) + "\n")


def best_of(trials: list[Trial]) -> Trial:
    """The trial of the highest objective; of equal ones the earlier."""
    return max(trials, key=lambda trial: (trial.objective, -trial.number))


def _whole(line: str) -> bool:
    try:
        json.loads(line)
    except json.JSONDecodeError:
        return False
    return True
