"""What a metric may ask for; `smmbench.scoring` loads it, once for all metrics of a dataset."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float32, UInt8

from smmbench.dataset import Clip, Dataset
from smmbench.dataset import Protocol as DatasetProtocol
from smmbench.metrics.flow import Flow
from smmbench.metrics.measure import Task
from smmbench.tracking import Tracker, Tracks
from smmbench.video import Reference, Video


@dataclass(frozen=True)
class HubModel:
    """Where the weights of a model are.

    Attributes:
        repository: On the Hugging Face hub.
        commit: Of the repository, in full; branches move.
        variable: Environment variable that names a folder to read instead.
    """

    repository: str
    commit: str
    variable: str


@runtime_checkable
class Embeddings(Protocol):
    """Embeddings of frames and prompts by the protocol's text model, kept on disk."""

    def origin(self) -> dict[str, Any]:
        """The model and its weights."""

    def of_frames(self, task: Task) -> Float32[np.ndarray, "time features"]:
        """Of an output's frames."""

    def of_prompt(self, prompt: str) -> Float32[np.ndarray, " features"]:
        """Of the protocol's prefix and a prompt."""

    def remark(self, prompt: str) -> str:
        """What to say if the model does not read all of the prompt; empty if it does."""


@runtime_checkable
class ClipTracks(Protocol):
    """Tracks of sources and outputs by the protocol's tracker, kept on disk."""

    def origin(self, clip: Clip) -> dict[str, Any]:
        """Source and tracker."""

    def has_source(self, clip: Clip) -> bool:
        """Whether the file that a source's tracks come from is here."""

    def of_source(self, clip: Clip) -> Tracks:
        """Of a source; raises `ValueError` where its file is missing."""

    def of_reference(self, clip: Clip, reference: Reference) -> Tracks:
        """Of another motion that a method may have been given; `ValueError` if there is none."""

    def of_output(self, task: Task) -> Tracks:
        """Of what was made from it."""


@runtime_checkable
class SourceFlow(Protocol):
    """Dense flow of sources."""

    def origin(self, task: Task) -> dict[str, Any]:
        """Source and flow."""

    def of(self, task: Task) -> Flow:
        """Of the source that an output was made from."""


@runtime_checkable
class FrameModel(Protocol):
    """An image model of transformers with its processor, which looks at single frames."""

    processor: Any

    def origin(self) -> dict[str, Any]:
        """The model and its weights."""

    def batches(
        self, frames: UInt8[np.ndarray, "time height width 3"], batch: int = 16, **given: Any
    ) -> Iterator[Any]:
        """What the model gives for the frames, batch by batch; `given` goes to the processor."""


class Resources(ABC):
    """What a metric may ask for.

    What cannot be had here raises `ImportError`, `OSError` or `ValueError` with a message that
    says how to get it. A metric asks in its `__init__`, so that this is known before any video.

    Attributes:
        dataset: Has the sources.
        protocol: What is scored under: the dataset's, with what the user named instead.
        source_tracks: Where the source's tracks are from.
        device: Where models compute.
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
        """Embeddings by the second model that is offered beside the protocol's text model."""

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
        """Load a model by the names of the classes of transformers that read it."""

    @abstractmethod
    def arrays(
        self, kind: str, origin: dict[str, Any], compute: Callable[[], dict[str, np.ndarray]]
    ) -> dict[str, np.ndarray]:
        """Arrays that are computed once for an origin and kept on disk."""

    @abstractmethod
    def once(self, name: str, make: Callable[[], Any]) -> Any:
        """Make a thing that several metrics use, under a name of its own, once."""
