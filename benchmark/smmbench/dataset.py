"""Datasets: source clips, target prompts, and the protocol under which results compare.

A dataset is a TOML manifest; a distribution offers one by the entry point `smmbench.datasets`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Record(BaseModel):
    """A frozen record that refuses unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Protocol(Record):
    """What must be the same for two scores to stand in one column."""

    version: int = 1
    frames: int = Field(gt=1)
    width: int = Field(gt=0)
    height: int = Field(gt=0)
    fps: float = Field(gt=0)
    seeds: tuple[int, ...] = (0,)
    text_model: str  # "open_clip name:pretrained tag", or a name among `smmbench.models`
    tracker: str = "lucas-kanade"
    grid: int = Field(default=30, gt=1)  # points along each axis
    still_threshold: float = Field(default=0.5, ge=0)  # pixels a step, on the canvas above


class File(Record):
    """One file of a dataset: where it lies, and what it must be."""

    path: str  # relative to the dataset's folder
    sha256: Sha256
    url: str = ""  # empty: shipped with the manifest


class Edit(Record):
    """One target prompt for a clip."""

    name: Name
    prompt: str = Field(min_length=1)
    kind: Literal["object", "scene", "both"] | None = None


class Clip(Record):
    """One source clip with its target prompts."""

    name: Name
    video: File
    pixels_sha256: Sha256  # of the clip in the protocol's normal form
    prompt: str = ""  # what the clip shows
    licence: str
    attribution: str
    tags: tuple[str, ...] = ()  # for example the motion family
    tracks: File | None = None  # true tracks: npz with `tracks` (n, F, 2) and `visible` (n, F)
    masks: File | None = None  # npz with `masks` (F, height, width), bool
    edits: tuple[Edit, ...] = Field(min_length=1)


class Outputs(Record):
    """Published outputs of one method on one edit, for `smmbench import`."""

    method: Name
    clip: Name
    edit: Name
    video: File


class Manifest(Record):
    """A dataset as its TOML file says it."""

    name: Name
    version: int
    title: str
    description: str
    licence: str
    citation: str = ""
    home: str = ""
    protocol: Protocol
    clips: tuple[Clip, ...] = Field(min_length=1)
    outputs: tuple[Outputs, ...] = ()


class Dataset(Record):
    """A manifest and the folder that its files are relative to."""

    manifest: Manifest
    root: Path
