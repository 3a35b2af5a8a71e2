"""The plan of a study: `plan.json`, which states which method was on which side.

It is never published. The folder `public/` next to it is all that a rater needs; nothing in it
names a method.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from smmbench.results import Stored
from smmbench.storage.strict_json import JsonLimits, UnsafeJsonError, read_bounded, strict_json

PLAN, PUBLIC = "plan.json", "public"
SCHEMA_VERSION: Literal[1] = 1
LIMITS = JsonLimits(size=64 << 20)

Question = Literal["motion", "text", "overall"]
QUESTIONS: dict[Question, str] = {
    "motion": "Which video follows the motion of the source more closely?",
    "text": "Which video fits the description better?",
    "overall": "Which video would you rather keep?",
}
"""What a rater is asked, by the name of the question."""

Choice = Literal["a", "b", "tie"]
Identifier = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]


class Item(Stored):
    """A source clip with a prompt.

    Attributes:
        clip: Name of the clip; judgements of one clip are one cluster.
        edit: Name of the edit.
        seed: Of the videos.
        prompt: What the videos should show.
    """

    clip: str
    edit: str
    seed: int
    prompt: str


class Trial(Stored):
    """One choice of a form.

    Attributes:
        id: What the page and the answers call it; says nothing of what it is.
        media: File of the merged video, in `public/`.
        item: Name of its item.
        a: Label on the side A; of a check, `right` or `wrong`.
        b: Label on the side B.
        check: Kind of a check; empty for a comparison.
    """

    id: Identifier
    media: str
    item: str
    a: str
    b: str
    check: Literal["", "card", "still"] = ""


class Form(Stored):
    """What one rater sees."""

    number: int
    trials: tuple[Trial, ...]


class Rule(Stored):
    """Which raters are left out, stated before any answer is there.

    Attributes:
        checks: Least share of correct answers to the checks of a form.
        answered: Least share of the trials of a form that are answered.
    """

    checks: float = Field(default=0.8, ge=0, le=1)
    answered: float = Field(default=0.5, ge=0, le=1)


class Planned(Stored):
    """What the sample size rests on.

    Attributes:
        share: Share of wins that is worth finding between two methods.
        power: Chance to find it.
        alpha: Level of all comparisons of two methods together.
        effect: Design effect of judgements by one rater and of one clip.
        judgements: Needed between each two methods.
    """

    share: float
    power: float
    alpha: float
    effect: float
    judgements: int


class Plan(Stored):
    """Content of `plan.json`."""

    schema_version: Literal[1] = SCHEMA_VERSION
    study: Identifier
    title: str
    dataset: str
    dataset_sha256: str
    methods: tuple[str, ...]
    questions: tuple[Question, ...]
    items: dict[str, Item]
    forms: tuple[Form, ...]
    rule: Rule
    planned: Planned
    seed: int
    left_out: tuple[str, ...] = ()  # comparisons that lack a video, in words

    @model_validator(mode="after")
    def _trials_are_known_once(self) -> Plan:
        for form in self.forms:
            names = [trial.id for trial in form.trials]
            if len(set(names)) < len(names):
                raise ValueError(f"form {form.number} has a trial twice")
            if not {trial.item for trial in form.trials} <= set(self.items):
                raise ValueError(f"form {form.number} has a trial of no item")
        return self


def questions_named(names: Iterable[str]) -> tuple[Question, ...]:
    """Questions by name, each once.

    Raises:
        ValueError: There is none of a name.
    """
    known = {str(question): question for question in QUESTIONS}
    if strange := [name for name in names if name not in known]:
        raise ValueError(f"No question '{strange[0]}'; there are {', '.join(known)}.")
    return tuple(dict.fromkeys(known[name] for name in names))


def read_plan(folder: Path) -> Plan:
    """Read the plan of a study's folder.

    Raises:
        ValueError: There is none, or it is no plan.
    """
    path = folder / PLAN
    try:
        text = read_bounded(path, LIMITS)
        strict_json(text, LIMITS)
        return Plan.model_validate_json(text)
    except FileNotFoundError as error:
        raise ValueError(
            f"'{folder}' has no {PLAN}. `smmbench study new RESULTS` makes a study."
        ) from error
    except UnsafeJsonError as error:
        raise ValueError(f"'{path}' is not a plan of a study: {error}.") from error
    except ValueError as error:
        raise ValueError(f"'{path}' is not a plan of a study: {error}") from error
