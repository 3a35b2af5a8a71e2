"""The records that lie between making and scoring."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from smmbench.errors import FailureKind
from smmbench.method import Card

SCHEMA_VERSION = 1


class Stored(BaseModel):
    """A frozen record that refuses unknown keys, and NaN, which JSON does not have."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Request(Stored):
    """What a result answers: its place in the tree."""

    method: str  # label on the board, by default the method's name
    dataset: str
    dataset_version: int
    clip: str
    edit: str
    seed: int


class Failure(Stored):
    """Why there is no video."""

    kind: FailureKind
    message: str
    stage: Literal["load", "prepare", "transfer", "write"]


class Environment(Stored):
    """The machine and the software that made a video."""

    device: str  # for example "cuda: NVIDIA H200" or "cpu: AMD EPYC, 2 cores"
    python: str
    packages: dict[str, str]  # name: version, of smmbench, torch, diffusers, ...
    matmul: str = ""  # "tf32" where a GPU multiplies float32 so; empty for full precision


class Imported(Stored):
    """The file that an imported video was read from."""

    file: str  # its name, without folders
    sha256: str  # of the file; of all names and contents if it is a folder of images
    notes: tuple[str, ...] = ()  # what was converted on the way to the normal form, oldest first


class RunRecord(Stored):
    """One pair of clip and prompt, with one seed: how its video was made, or why it was not."""

    schema_version: int = SCHEMA_VERSION
    status: Literal["done", "failed"]
    request: Request
    source_sha256: str  # pixels of the source in normal form
    prompt: str
    entry: str  # where the method's class is: "package.module:Class"
    parameters: dict[str, Any]
    parameters_sha256: str
    weights: dict[str, str] = Field(default_factory=dict)
    environment: Environment
    prepare_seconds: float = 0.0  # of the clip's preparation, shared by its prompts and seeds
    transfer_seconds: float = 0.0
    kept_seconds: float = 0.0  # of both: spent by an earlier run, whose work a cache kept
    peak_memory_bytes: int = 0  # device memory on a GPU, resident size on a CPU
    batch: int = Field(
        default=1, ge=1
    )  # pairs made at once: seconds are shares, the peak is of all
    pixels_sha256: str = ""  # of the decoded video, empty if failed
    failure: Failure | None = None
    imported: Imported | None = None  # None if it was made here


class Score(Stored):
    """One number with its origin."""

    metric: str
    version: int  # raised whenever the same input would give another number
    value: float | None  # None: could not be computed, see `note`
    details: dict[str, float] = Field(default_factory=dict)
    note: str = ""
    key: str  # SHA-256 of everything that the number depends on
    origin: dict[str, Any]  # that "everything", readable: pixels, protocol, weights, tracker


class ScoreFile(Stored):
    """All scores of one video; content of `scores.json`."""

    schema_version: int = SCHEMA_VERSION
    request: Request
    pixels_sha256: str
    scores: tuple[Score, ...]


class Tuning(Stored):
    """How a method's parameters were searched; `smmbench tune` writes it in `tuned.toml`."""

    dataset: str  # that it was searched on, no board's set
    rule: str  # how, in words
    budget: int  # settings that it was allowed to try
    trials: int  # settings that were tried
    pairs: int  # videos made for each
    seed: int  # of the search
    file_sha256: str  # of tuned.toml


class MethodFile(Stored):
    """What the board says of a method; content of `method.json`."""

    schema_version: int = SCHEMA_VERSION
    label: str
    entry: str  # as in `RunRecord`; empty for outputs made elsewhere
    card: Card
    parameters: dict[str, dict[str, Any]] = Field(
        default_factory=dict
    )  # by dataset: presets differ
    tuning: dict[str, Tuning] = Field(default_factory=dict)  # by dataset, where a search set them
