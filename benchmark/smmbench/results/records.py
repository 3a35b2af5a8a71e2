"""The records between generation and scoring.

A field with a default may be missing in a file; its default then means "not recorded".
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from smmbench.errors import FailureKind
from smmbench.method import BackboneUse, Card
from smmbench.video import Reference

SCHEMA_VERSION: Literal[2] = 2


class Stored(BaseModel):
    """A frozen record that rejects unknown keys, and NaN, which JSON does not have."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Request(Stored):
    """The request of a result, which gives its place in the tree."""

    method: str  # label on the board, by default the method's name
    dataset: str
    dataset_version: int
    clip: str
    edit: str
    seed: int
    reference: Reference = "forward"


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
    libraries: dict[str, str] = Field(default_factory=dict)
    """Version that each imported module reports (`cv2`, `av`, `torch`, ...)."""
    executor: str = ""  # "local", "ray"
    deterministic: bool = False  # PyTorch was asked for deterministic kernels


class Imported(Stored):
    """The file that an imported video was read from."""

    file: str  # its name, without folders
    sha256: str  # of the file; of all names and contents if it is a folder of images
    notes: tuple[str, ...] = ()  # what was converted on the way to the normal form, oldest first
    frames: Literal["exact", "resample", ""] = ""  # frame for frame, or by the nearest instant
    file_frames: int = Field(default=0, ge=0)  # of the file, as it was read
    file_fps: float = Field(default=0.0, ge=0)


class StoredVideo(Stored):
    """The form of `video.mkv`."""

    frames: int = Field(ge=1)
    width: int = Field(ge=1)
    height: int = Field(ge=1)
    fps: float = Field(gt=0)
    instants: tuple[float, ...] = ()  # seconds from the first frame; empty: evenly at `fps`


class RunRecord(Stored):
    """One pair of clip and prompt, with one seed: how its video was made, or why it was not."""

    schema_version: Literal[2] = SCHEMA_VERSION
    status: Literal["done", "failed"]
    request: Request
    source_sha256: str  # pixels of the source in normal form
    reference_sha256: str = ""  # pixels of the clip whose motion the method was given
    reference_clip: str = ""  # its name, where it is another clip
    prompt: str
    entry: str  # where the method's class is: "package.module:Class"
    parameters: dict[str, Any]
    parameters_sha256: str
    checkpoints: tuple[str, ...] = ()  # parameters that say where weights lie
    weights: dict[str, str] = Field(default_factory=dict)  # SHA-256 of the tensors, by part
    backbone: BackboneUse | None = None
    environment: Environment
    prepare_seconds: float = 0.0  # of the clip's preparation, shared by its prompts and seeds
    transfer_seconds: float = 0.0
    cached_seconds: float = 0.0  # of both: spent by an earlier run, whose work a cache holds
    stage_seconds: dict[str, float] = Field(default_factory=dict)  # such as inversion, sampling
    peak_memory_bytes: int = 0  # device memory on a GPU, resident size on a CPU
    batch: int = Field(
        default=1, ge=1
    )  # pairs made at once: seconds are shares, the peak is of all
    pixels_sha256: str = ""  # of the decoded video, empty if failed
    video: StoredVideo | None = None
    notes: tuple[str, ...] = ()  # what was converted while the video was made, oldest first
    series: dict[str, tuple[float, ...]] = Field(default_factory=dict)
    """Numbers that the method reports per step, such as `guidance_loss`."""
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
    per_frame: dict[str, tuple[float | None, ...]] = Field(default_factory=dict)
    libraries: dict[str, str] = Field(default_factory=dict)
    """Version that each imported module states of itself; not part of the key."""


class Mark(Stored):
    """A measurement of one video that decides whether its motion score is accepted."""

    name: str
    version: int
    value: float | None  # None: could not be computed, see `note`
    threshold: float
    side: Literal["above", "below"]  # of the threshold, where a video is marked
    note: str = ""
    key: str  # SHA-256 of everything that the value depends on
    origin: dict[str, Any]

    @property
    def marked(self) -> bool:
        """Whether the value lies on the marked side; never without a value."""
        if self.value is None:
            return False
        return self.value > self.threshold if self.side == "above" else self.value < self.threshold


class TracksFile(Stored):
    """The tracks that a score compared, in a file next to it: see `results.tracks`."""

    file: str  # its name
    sha256: str  # of its bytes
    key: str  # of the score that compared them


class VideoFile(Stored):
    """The file of a video when it was decoded and scored."""

    bytes: int
    mtime_ns: int  # while size and time are the same, the file is not hashed again
    sha256: str  # of the file


class ScoreFile(Stored):
    """All scores of one video; content of `scores.json`."""

    schema_version: Literal[2] = SCHEMA_VERSION
    request: Request
    pixels_sha256: str
    scores: tuple[Score, ...]
    marks: tuple[Mark, ...] = ()
    tracks: TracksFile | None = None
    video_file: VideoFile | None = None  # what was scored; None where it is not said


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
    """The board's description of a method; content of `method.json`."""

    schema_version: Literal[2] = SCHEMA_VERSION
    label: str
    entry: str  # as in `RunRecord`; empty for outputs made elsewhere
    card: Card
    deterministic: bool = False  # the method says that it draws nothing: all seeds give one video
    parameters: dict[str, dict[str, Any]] = Field(
        default_factory=dict
    )  # by dataset: presets differ
    tuning: dict[str, Tuning] = Field(default_factory=dict)  # by dataset, where a search set them
