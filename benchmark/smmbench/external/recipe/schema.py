"""Schema of a recipe: one TOML file that describes how to call official code."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError, model_validator

from smmbench.external.recipe.placeholders import names_in
from smmbench.external.recipe.tables import (
    CardOf,
    Code,
    EnvironmentOf,
    Input,
    Name,
    Output,
    ParameterOf,
    Part,
    Scalar,
    Step,
    WeightsOf,
)
from smmbench.plugins import no_such
from smmbench.storage.text import read_text

CLIP_NAMES = {
    "python": "the environment's interpreter",
    "repo": "the call's own copy of the repository, which is also its working folder",
    "source": "the clip, a video file or a folder of images",
    "source_prompt": "caption of the clip",
    "prepared": "the clip's own folder",
    "count": "number of frames laid out",
    "width": "width of the laid out clip, in pixels",
    "height": "height of the laid out clip, in pixels",
    "fps": "frame rate of the clip as written",
}
PAIR_NAMES = {
    "prompt": "the target prompt",
    "seed": "an integer",
    "work": "the pair's own folder",
    "output": "an empty folder in it",
}


class Recipe(Part):
    """How to call official code."""

    card: CardOf
    code: Code
    environment: EnvironmentOf = EnvironmentOf()
    weights: tuple[WeightsOf, ...] = ()
    parameters: dict[Name, ParameterOf] = Field(default_factory=dict)
    presets: dict[str, dict[str, Scalar]] = Field(default_factory=dict)
    input: Input
    prepare: Step = Step()
    transfer: Step
    output: Output

    @model_validator(mode="after")
    def _holds_together(self) -> Recipe:
        taken = (CLIP_NAMES | PAIR_NAMES).keys() & self.parameters.keys()
        if taken:
            raise ValueError(f"parameter '{min(taken)}' has the name of a placeholder")
        if not self.transfer.commands:
            raise ValueError("transfer has no commands")
        if self.transfer.kept:
            raise ValueError("only prepare may keep something")
        names = [one.name for one in self.weights]
        if len(set(names)) < len(names):
            raise ValueError("two weights have the same name")
        clip = {*CLIP_NAMES, *self.parameters, *(f"weights:{name}" for name in names)}
        pair = {*clip, *PAIR_NAMES, *(f"kept:{name}" for name in self.prepare.kept)}
        _check(self.prepare.model_dump(), clip, "prepare")
        _check(self.transfer.model_dump(), pair, "transfer")
        _check(self.output.path, pair, "output")
        return self


def load_recipe(path: Path) -> Recipe:
    """Read and check a recipe.

    Raises:
        ValueError: It cannot be read, or something in it is wrong; the message says where.
    """
    try:
        return Recipe.model_validate(tomllib.loads(read_text(path)))
    except OSError as error:
        raise ValueError(f"The recipe '{path}' cannot be read: {error.strerror}.") from error
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"The recipe '{path}' is not TOML: {error}.") from error
    except ValidationError as error:
        faults = [
            f"{'.'.join(str(part) for part in one['loc']) or 'recipe'}: "
            f"{one['msg'].removeprefix('Value error, ')}"
            for one in error.errors()[:5]
        ]
        raise ValueError(f"The recipe '{path}' is wrong. {'; '.join(faults)}.") from error


def _check(content: Any, known: set[str], where: str) -> None:
    for name in sorted(names_in(content)):
        if name not in known:
            raise ValueError(f"in {where}: {no_such('placeholder', name, sorted(known))}")
