"""Schema of a dataset's TOML file: clips, target prompts, and the protocol."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    model_serializer,
    model_validator,
)

from smmbench.dataset.rules import https, path_inside, plain_text

NAME_PATTERN = r"^[a-z0-9][a-z0-9._-]{0,63}$"

NO_PREFIX = ("text_prefix", "")
LATER = (("start", 0), ("fps", None))  # fields of clips that manifests of before do not have

Name = Annotated[str, Field(pattern=NAME_PATTERN)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Text = Annotated[str, AfterValidator(plain_text)]


class Record(BaseModel):
    """A frozen record that rejects unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Protocol(Record):
    """Everything that must be equal for two scores to share a column."""

    version: int = 1
    frames: int = Field(gt=1)
    width: int = Field(gt=0)
    height: int = Field(gt=0)
    fps: float = Field(gt=0)
    seeds: tuple[int, ...] = Field(default=(0,), min_length=1)
    text_model: str  # "open_clip name:pretrained tag", or a name among `smmbench.models`
    text_prefix: str = ""  # embedded before every prompt, to the letter: its blank too
    tracker: str = "lucas-kanade"
    grid: int = Field(default=30, gt=1)  # points along each axis
    still_threshold: float = Field(default=0.5, ge=0)  # pixels a step, on the canvas above

    @model_serializer(mode="wrap")
    def _without_an_empty_prefix(self, dump: Callable[[Any], Any]) -> dict[str, Any]:
        """Omit an empty prefix, so that protocols that never had one keep their hashes."""
        said: dict[str, Any] = dump(self)
        return {name: value for name, value in said.items() if (name, value) != NO_PREFIX}


class File(Record):
    """One file of a dataset: its location and its hash.

    A video that ships with the manifest may be a folder of numbered images; `sha256` is then that
    of `smmbench.storage.home.content_sha256`.
    """

    path: Annotated[str, Field(min_length=1), AfterValidator(path_inside)]  # in the dataset
    sha256: Sha256
    url: Annotated[str, AfterValidator(https)] = ""  # empty: shipped with the manifest


class Edit(Record):
    """One target prompt for a clip."""

    name: Name
    prompt: Annotated[Text, Field(min_length=1)]
    kind: Literal["object", "scene", "both", "colour", "size", "number", "second"] | None = None


class Clip(Record):
    """One source clip with its target prompts."""

    name: Name
    video: File
    pixels_sha256: Sha256  # of the clip in its normal form
    frames: int | None = Field(default=None, gt=1)  # its own number, if fewer than the protocol's
    start: int = Field(default=0, ge=0)  # its first frame, counted from 0 in the video
    fps: float | None = Field(default=None, gt=0)  # of a folder of images; None: the protocol's
    prompt: Text = ""  # what the clip shows
    licence: str
    attribution: str
    tags: tuple[str, ...] = ()  # for example the motion family
    tracks: File | None = None  # ground-truth tracks: npz, `tracks` (n, F, 2), `visible` (n, F)
    masks: File | None = None  # npz with `masks` (F, height, width), bool
    edits: tuple[Edit, ...] = Field(min_length=1)

    @model_serializer(mode="wrap")
    def _without_later_defaults(self, dump: Callable[[Any], Any]) -> dict[str, Any]:
        """Omit unused fields, so that earlier manifests keep their hashes."""
        said: dict[str, Any] = dump(self)
        return {name: value for name, value in said.items() if (name, value) not in LATER}

    @model_validator(mode="after")
    def _edits_differ(self) -> Clip:
        _refuse_twice("edit", (edit.name for edit in self.edits))
        return self


class Published(Record):
    """Card of a method whose outputs are published with the dataset."""

    name: Name
    title: Text
    paper: str = ""
    licence: str = ""  # of the outputs
    notes: str = ""


class Outputs(Record):
    """One published output of a method on one edit, for `smmbench import --published`."""

    method: Name
    clip: Name
    edit: Name
    video: File


class Manifest(Record):
    """A dataset as its TOML file describes it."""

    name: Name
    version: int
    title: Text
    description: str
    licence: str
    citation: str = ""
    home: str = ""
    purpose: Literal["board", "validation"] = "board"  # methods are tuned on validation sets alone
    protocol: Protocol
    clips: tuple[Clip, ...] = Field(min_length=1)
    methods: tuple[Published, ...] = ()
    outputs: tuple[Outputs, ...] = ()

    @model_validator(mode="after")
    def _holds_together(self) -> Manifest:
        _refuse_twice("clip", (clip.name for clip in self.clips))
        for clip in self.clips:
            if clip.frames is not None and clip.frames >= self.protocol.frames:
                raise ValueError(
                    f"clip '{clip.name}' states {clip.frames} frames, but its own number is only "
                    f"for clips of fewer frames than the protocol's {self.protocol.frames}"
                )
        edits = {clip.name: {edit.name for edit in clip.edits} for clip in self.clips}
        _refuse_twice("method", (method.name for method in self.methods))
        methods = {method.name for method in self.methods}
        for output in self.outputs:
            if output.method not in methods:
                raise ValueError(f"an output is of '{output.method}', which is not in `methods`")
            if output.edit not in edits.get(output.clip, ()):
                raise ValueError(f"an output is of '{output.clip}/{output.edit}', which is no edit")
        _refuse_twice("output", (f"{o.method}/{o.clip}/{o.edit}" for o in self.outputs))
        _refuse_clashes(files_of(self))
        return self


class Dataset(Record):
    """A manifest and the folder that its shipped files are relative to."""

    manifest: Manifest
    root: Path


def files_of(manifest: Manifest) -> list[File]:
    """Every file that the manifest names, in order; a file named twice appears twice."""
    files = [
        file
        for clip in manifest.clips
        for file in (clip.video, clip.tracks, clip.masks)
        if file is not None
    ]
    return files + [output.video for output in manifest.outputs]


def protocol_sha256(protocol: Protocol) -> str:
    """SHA-256 of everything that the protocol fixes; equal for scores that may be compared."""
    text = json.dumps(protocol.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _refuse_twice(what: str, names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ValueError(f"{what} '{name}' occurs twice")
        seen.add(name)


def _refuse_clashes(files: Iterable[File]) -> None:
    """Refuse two contents for one path, also where the system takes 'A' and 'a' for one."""
    seen: dict[str, File] = {}
    for file in files:
        other = seen.setdefault(file.path.casefold(), file)
        if other.path != file.path:
            raise ValueError(f"paths '{other.path}' and '{file.path}' differ only in case")
        if other.sha256 != file.sha256:
            raise ValueError(f"path '{file.path}' occurs twice with different sha256")
