"""Resources of metrics; `smmbench.scoring` loads them once for all metrics of a dataset."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float32, Int, UInt8

from smmbench.dataset import Clip, Dataset
from smmbench.dataset import Protocol as DatasetProtocol
from smmbench.metrics.flow import Flow
from smmbench.metrics.measure import Task
from smmbench.tracking import Tracker, Tracks
from smmbench.video import Reference, Video


@dataclass(frozen=True)
class HubModel:
    """Location of a model's weights.

    Attributes:
        repository: Repository on the Hugging Face hub.
        commit: Full commit of the repository, because branches move.
    variable: Environment variable that names a folder to read instead.
    """

    repository: str
    commit: str
    variable: str


@runtime_checkable
class Embeddings(Protocol):
    """Embeddings of frames and prompts by the protocol's text model, cached on disk."""

    def origin(self) -> dict[str, Any]:
        """The model and its weights."""

    def of_frames(self, task: Task) -> Float32[np.ndarray, "time features"]:
        """Return the embeddings of an output's frames."""

    def of_prompt(self, prompt: str) -> Float32[np.ndarray, " features"]:
        """Return the embedding of a prompt after the protocol's prefix."""

    def remark(self, prompt: str) -> str:
        """Return a note if the model truncates the prompt; otherwise an empty string."""


@runtime_checkable
class ClipTracks(Protocol):
    """Tracks of sources and outputs by the protocol's tracker, cached on disk."""

    def origin(self, clip: Clip) -> dict[str, Any]:
        """Source and tracker."""

    def has_source(self, clip: Clip) -> bool:
        """Return whether the file that a source's tracks come from exists."""

    def of_source(self, clip: Clip) -> Tracks:
        """Return the tracks of a source; raise `ValueError` if its file is missing."""

    def of_reference(self, clip: Clip, reference: Reference) -> Tracks:
        """Return the tracks of another possible reference; raise `ValueError` if there is none."""

    def of_output(self, task: Task) -> Tracks:
        """Return the tracks of an output."""


@runtime_checkable
class SourceFlow(Protocol):
    """Dense flow of sources."""

    def origin(self, task: Task) -> dict[str, Any]:
        """Source and flow."""

    def of(self, task: Task) -> Flow:
        """Return the flow of an output's source."""


@runtime_checkable
class FrameModel(Protocol):
    """A transformers image model with its processor, applied to single frames."""

    processor: Any

    def origin(self) -> dict[str, Any]:
        """The model and its weights."""

    def batches(
        self, frames: UInt8[np.ndarray, "time height width 3"], batch: int = 16, **given: Any
    ) -> Iterator[Any]:
        """Return the model's output for the frames, in batches; `given` goes to the processor."""


@runtime_checkable
class YesNoJudge(Protocol):
    """A vision-language model that is asked a question about single frames."""

    def origin(self) -> dict[str, Any]:
        """The model, its weights, and the form in which it is asked."""

    def answers(
        self, frames: UInt8[np.ndarray, "frames height width 3"], question: str
    ) -> Float32[np.ndarray, "frames 2"]:
        """Probabilities of "Yes" and of "No", for each frame; the same however many there are."""


@runtime_checkable
class VideoText(Protocol):
    """A model that compares a whole video with a text."""

    def origin(self) -> dict[str, Any]:
        """The model, its weights, and how many frames it sees."""

    def similarity(self, frames: UInt8[np.ndarray, "time height width 3"], prompt: str) -> float:
        """Cosine, -1 to 1."""

    def cuts(self, prompt: str) -> bool:
        """Whether the prompt is longer than the model reads."""


def even_frames(count: int, wanted: int) -> Int[np.ndarray, " shown"]:
    """Places of `wanted` frames, evenly from the first to the last; a shorter video repeats some.

    Raises:
        ValueError: There is no frame, or none is wanted.
    """
    if count < 1 or wanted < 1:
        raise ValueError(f"At least one of at least one frame is shown, got {wanted} of {count}.")
    return np.linspace(0, count - 1, wanted).round().astype(np.int64)


class Resources(ABC):
    """Resources that a metric may request.

        If a resource is unavailable, `ImportError`, `OSError` or `ValueError` is raised with a
        message that says how to get it. A metric requests resources in its `__init__`, so that a
        missing one is known before any video is scored.

    Attributes:
        dataset: Dataset with the sources.
        protocol: Protocol of the scores: the dataset's, with the user's replacements.
        source_tracks: Origin of the source's tracks.
        device: Device on which models run.
    """

    dataset: Dataset
    protocol: DatasetProtocol
    source_tracks: Literal["tracker", "known"]
    device: str

    @property
    @abstractmethod
    def embeddings(self) -> Embeddings:
        """Embeddings by the protocol's text model."""

    @property
    @abstractmethod
    def held_out_embeddings(self) -> Embeddings:
        """Embeddings by the held-out model that accompanies the protocol's text model."""

    @property
    @abstractmethod
    def tracks(self) -> ClipTracks:
        """Tracks by the protocol's tracker."""

    @property
    @abstractmethod
    def tracker(self) -> Tracker:
        """The protocol's tracker itself."""

    @property
    @abstractmethod
    def flow(self) -> SourceFlow:
        """Dense flow of sources, which needs no weights."""

    @abstractmethod
    def source(self, clip: Clip) -> Video:
        """A source in its normal form."""

    @abstractmethod
    def frame_model(self, where: HubModel, model: str, processor: str) -> FrameModel:
        """Load a model by the names of its transformers classes."""

    @abstractmethod
    def judge(self, variable: str) -> YesNoJudge:
        """Load the vision-language model in the folder that an environment variable names."""

    @abstractmethod
    def video_text(self, variable: str) -> VideoText:
        """Load the video-text model in the folder that an environment variable names."""

    @abstractmethod
    def arrays(
        self, kind: str, origin: dict[str, Any], compute: Callable[[], dict[str, np.ndarray]]
    ) -> dict[str, np.ndarray]:
        """Return arrays that are computed once per origin and cached on disk."""

    @abstractmethod
    def once(self, name: str, make: Callable[[], Any]) -> Any:
        """Create a resource that several metrics share, once per name."""
