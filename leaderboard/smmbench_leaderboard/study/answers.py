"""Answer files written by a rater's browser, read as untrusted data."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from smmbench.display import plain
from smmbench.results import Stored
from smmbench.storage.strict_json import JsonLimits, read_bounded, strict_json
from smmbench_leaderboard.study.plan import Choice, Form, Identifier, Plan, Question

LIMITS = JsonLimits(size=2 << 20, depth=4, text=100)
DAY = 24 * 3600 * 1000  # milliseconds


class Answer(Stored):
    """One answer.

    Attributes:
        trial: Trial of the form.
        question: Name of the question.
        choice: The side, or `tie`.
        milliseconds: Time since the choice was shown.
    """

    trial: Identifier
    question: Question
    choice: Choice
    milliseconds: Annotated[int, Field(ge=0, le=DAY)]


class AnswerFile(Stored):
    """Content of an answer file, which does not identify the rater.

    Attributes:
        schema_version: Version of this schema.
        study: Identifier of the study, from the plan.
        form: Number of the form.
        rater: Random identifier, drawn by the browser.
        consent: Whether the rater agreed to the text of the page.
        answers: Answers in the order in which they were given.
    """

    schema_version: Literal[1]
    study: Identifier
    form: int
    rater: Identifier
    consent: Literal[True]
    answers: Annotated[tuple[Answer, ...], Field(max_length=10_000)]


@dataclass(frozen=True)
class Read:
    """Answer files that were read.

    Attributes:
        files: Valid files, one per rater.
        refused: Why others are not valid, one sentence each.
        repeated: Number of duplicate files.
    """

    files: tuple[AnswerFile, ...]
    refused: tuple[str, ...]
    repeated: int


def read_answers(paths: Iterable[Path], plan: Plan) -> Read:
    """Read answer files; invalid ones are rejected, and the others are counted.

    Two different files of one rater are both rejected, because either may be the right one.
    """
    found: dict[str, dict[AnswerFile, Path]] = {}
    refused, repeated = [], 0
    for path in paths:
        try:
            file = _read(path, plan)
        except (ValueError, OSError) as error:
            refused.append(f"'{plain(path.name)}' is refused: {plain(str(error), 300)}.")
            continue
        of = found.setdefault(file.rater, {})
        repeated += file in of
        of.setdefault(file, path)
    kept: list[AnswerFile] = []
    for of in found.values():
        if len(of) > 1:
            names = " and ".join(f"'{plain(path.name)}'" for path in of.values())
            refused.append(f"{names} are refused: they are from one rater and differ.")
        else:
            kept += of
    return Read(tuple(sorted(kept, key=lambda file: file.rater)), tuple(refused), repeated)


def _read(path: Path, plan: Plan) -> AnswerFile:
    text = read_bounded(path, LIMITS)
    strict_json(text, LIMITS)
    try:
        file = AnswerFile.model_validate_json(text, strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise ValueError(f"{where}: {first['msg']}") from error
    if file.study != plan.study:
        raise ValueError(f"it is of the study {file.study}, not of {plan.study}")
    form = _form(plan, file.form)
    trials = {trial.id for trial in form.trials}
    given = [(answer.trial, answer.question) for answer in file.answers]
    if len(set(given)) < len(given):
        raise ValueError("it answers something twice")
    if strange := [name for name, _ in given if name not in trials]:
        raise ValueError(f"form {file.form} has no trial {strange[0]}")
    if strange := [name for _, name in given if name not in plan.questions]:
        raise ValueError(f"this study does not ask for '{strange[0]}'")
    return file


def _form(plan: Plan, number: int) -> Form:
    for form in plan.forms:
        if form.number == number:
            return form
    raise ValueError(f"the study has no form {number}, only 1 to {len(plan.forms)}")
