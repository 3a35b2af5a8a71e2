"""The tables of a recipe: the code, its environment, its weights and its files."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

Scalar = bool | int | float | str
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Command = Annotated[tuple[str, ...], Field(min_length=1)]


class Part(BaseModel):
    """A frozen table that rejects unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def _inside(path: str) -> str:
    """Reject a path that leads out of the folder it is relative to."""
    pure = PurePosixPath(path)
    if not path or pure.is_absolute() or ".." in pure.parts or "\\" in path:
        raise ValueError(f"'{path}' must be a relative path without '..'")
    return path


Inside = Annotated[str, Field(min_length=1)]


class Code(Part):
    """The repository; `leave` names folders that no run needs (images of results)."""

    repository: str = Field(pattern=r"^(https://|/|\.)")
    commit: str = Field(pattern=r"^[0-9a-f]{40}$")
    licence: str = Field(min_length=1)  # SPDX identifier, or "none" if none is stated
    leave: tuple[str, ...] = ()


class EnvironmentOf(Part):
    """The environment of the code: a separate virtual environment, or this one (`none`)."""

    kind: Literal["venv", "none"] = "venv"
    python: str = Field(default="3.10", pattern=r"^3\.\d+$")
    requirements: tuple[Inside, ...] = ()  # files of the repository
    packages: tuple[str, ...] = ()  # installed with them, in one call of pip
    variables: dict[str, str] = Field(default_factory=dict)  # set for every command
    passed: tuple[str, ...] = ()  # variables of the caller to hand on, besides the usual ones

    @field_validator("requirements")
    @classmethod
    def _are_inside(cls, paths: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(_inside(path) for path in paths)

    @field_validator("packages")
    @classmethod
    def _are_no_options(cls, packages: tuple[str, ...]) -> tuple[str, ...]:
        for package in packages:
            if package.startswith("-"):
                raise ValueError(f"'{package}' is an option of pip, not a package")
        return packages


class WeightsOf(Part):
    """Weights that the code needs: from the hub, or a file at an address."""

    name: Name
    hub: str = Field(default="", pattern=r"^([\w.-]+/[\w.-]+)?$")
    revision: str = "main"
    files: tuple[str, ...] = ("*.safetensors", "*.bin", "*.ckpt", "*.pth", "*.pt")
    url: str = Field(default="", pattern=r"^(https://.*)?$")
    sha256: str = Field(default="", pattern=r"^([0-9a-f]{64})?$")
    place: str = ""  # path in the repository; empty if the code uses the hub or an argument

    @model_validator(mode="after")
    def _is_from_one_place(self) -> WeightsOf:
        if bool(self.hub) == bool(self.url):
            raise ValueError(f"weights '{self.name}' need either `hub` or `url`")
        if self.place:
            _inside(self.place)
        return self


class Input(Part):
    """How a clip is written; size and length are those of the clip if not stated."""

    kind: Literal["video", "frames"]
    name: str = "source.mp4"  # name of the file (lossless mp4 or mkv) or of the folder
    pattern: str = "%05d.png"  # names of the images in it
    first: int = Field(default=0, ge=0)  # number of the first image
    frames: int | None = Field(default=None, ge=1)  # exact number, taken from the whole clip
    max_frames: int | None = Field(default=None, ge=1)
    frames_multiple: int = Field(default=1, ge=1)
    width: int | None = Field(default=None, ge=8)
    height: int | None = Field(default=None, ge=8)
    size_multiple: int = Field(default=1, ge=1)
    fps: float | None = Field(default=None, gt=0)  # stated rate; frames are unchanged
    ends: bool = False  # first to last frame; otherwise each frame has an equal duration

    @model_validator(mode="after")
    def _holds_together(self) -> Input:
        _inside(self.name)
        if "/" in self.name:
            raise ValueError(f"name '{self.name}' must be a name without folders")
        if self.kind == "video" and not self.name.endswith((".mp4", ".mkv")):
            raise ValueError(f"name '{self.name}' must end with .mp4 or .mkv")
        if self.kind == "frames" and not re.fullmatch(r"[\w.-]*%0?\d*d\.png", self.pattern):
            raise ValueError(f"pattern '{self.pattern}' must be like %05d.png")
        return self


class FileOf(Part):
    """A file to write before the commands: a configuration, with placeholders in its texts."""

    path: str  # with placeholders; inside the call's own folders
    form: Literal["yaml", "json", "text"]
    base: str = ""  # a YAML file of the repository that `content` changes, table by table
    content: Any

    @model_validator(mode="after")
    def _may_have_a_base(self) -> FileOf:
        if self.base:
            _inside(self.base)
            if self.form == "text" or not isinstance(self.content, dict):
                raise ValueError(f"'{self.path}': a base needs a table, in yaml or json form")
        return self


class Step(Part):
    """Commands in order, none through a shell; all must end with exit code 0."""

    commands: tuple[Command, ...] = ()
    files: tuple[FileOf, ...] = ()
    seconds: float = Field(default=3600.0, gt=0)  # time limit of all commands together
    # name = pattern of exactly one path, found after the commands
    kept: dict[Name, str] = Field(default_factory=dict)


class Output(Part):
    """The location of the video: exactly one path that matches a pattern."""

    kind: Literal["video", "frames", "array"]  # array: .npy, (time, height, width, 3)
    path: str
    frames: int | None = Field(default=None, ge=1)  # by default as laid out
    size: Literal["input", "any"] = "input"


class ParameterOf(Part):
    """A parameter of the method: its type is that of its default."""

    default: Scalar
    comment: str = ""
    choices: tuple[Scalar, ...] = ()


class CardOf(Part):
    """The card on the board; see `smmbench.method.Card`."""

    title: str = Field(min_length=1)
    kind: Literal["method", "baseline"] = "baseline"
    paper: str = ""
    backbone: str = ""
    values: str = ""
    notes: str = ""
