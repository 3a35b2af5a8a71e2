"""The plan of a study: `plan.json`, which states which method was on which side.

The plan is never published. The folder `public/` next to it has everything that a rater needs, and
nothing in it names a method.
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
"""The questions to raters, by name."""

Choice = Literal["a", "b", "tie"]
Identifier = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]


class Item(Stored):
    """A source clip with a prompt.

    Attributes:
        clip: Name of the clip; judgements of one clip are one cluster.
        edit: Name of the edit.
        seed: Seed of the videos.
        prompt: What the videos should show.
    """

    clip: str
    edit: str
    seed: int
    prompt: str


class Trial(Stored):
    """One choice of a form.

    Attributes:
        id: Identifier in the page and the answers, which reveals nothing.
        media: File of the merged video, in `public/`.
        item: Name of its item.
        a: Label on side A; for a check, `right` or `wrong`.
        b: Label on side B.
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
    """Which raters are excluded, stated before any answer exists.

    Attributes:
        checks: Minimum share of correct answers to the checks of a form.
        answered: Minimum share of answered trials of a form.
    """

    checks: float = Field(default=0.8, ge=0, le=1)
    answered: float = Field(default=0.5, ge=0, le=1)


class Planned(Stored):
    """The basis of the sample size.

    Attributes:
        share: Share of wins between two methods that the study should detect.
        power: Probability of detecting it.
        alpha: Level of all comparisons of two methods together.
        effect: Design effect of judgements by one rater and on one clip.
        judgements: Number of judgements needed between every two methods.
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
    left_out: tuple[str, ...] = ()  # descriptions of comparisons that lack a video

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
    """Return questions by name, each once.

    Raises:
        ValueError: There is no question of that name.
    """
    known = {str(question): question for question in QUESTIONS}
    if strange := [name for name in names if name not in known]:
        raise ValueError(f"No question '{strange[0]}'; there are {', '.join(known)}.")
    return tuple(dict.fromkeys(known[name] for name in names))


def read_plan(folder: Path) -> Plan:
    """Read the plan of a study's folder.

    Raises:
        ValueError: There is no plan, or the file is not a plan.
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
