"""Resources that metrics share and that are loaded once: text model, tracker, sources."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

from smmbench.dataset import Clip, Dataset, Protocol, source_video
from smmbench.metrics import Resources
from smmbench.plugins import offered
from smmbench.video import Video

if TYPE_CHECKING:
    import numpy as np

    from smmbench.metrics import HubModel
    from smmbench.scoring.clip_tracks import ClipTracks
    from smmbench.scoring.embeddings import Embeddings
    from smmbench.scoring.models.frame_model import FrameModel
    from smmbench.scoring.models.judge import Judge
    from smmbench.scoring.models.video_text_model import VideoTextModel
    from smmbench.scoring.source_flow import SourceFlow
    from smmbench.tracking import Tracker


HELD_OUT = "-held-out"
"""Ending of the name of the held-out model of a text model."""


class LoadedResources(Resources):
    """`smmbench.metrics.Resources` of one dataset: each resource is loaded on first use.

    Attributes:
        dataset: Dataset of the sources.
        protocol: The protocol of scoring: the dataset's, with the user's replacements.
        source_tracks: Origin of the source's tracks.
        device: Device of the models.
    """

    def __init__(
        self,
        dataset: Dataset,
        protocol: Protocol,
        source_tracks: Literal["tracker", "known"] = "tracker",
        device: str = "cpu",
    ) -> None:
        self.dataset = dataset
        self.protocol = protocol
        self.source_tracks = source_tracks
        self.device = device
        self._made: dict[str, Any] = {}

    @property
    def embeddings(self) -> Embeddings:
        """Embeddings of frames and prompts by the protocol's text model.

        Raises:
            LookupError: There is no such model.
            WeightsUnavailableError: Its weights are unavailable.
        """

        def make() -> Embeddings:
            from smmbench.scoring.embeddings import Embeddings
            from smmbench.scoring.models.text_model import TextModel

            model = TextModel(self.protocol.text_model, self.device)
            return Embeddings(model, self.protocol.text_prefix)

        found: Embeddings = self.once("embeddings", make)
        return found

    @property
    def held_out_embeddings(self) -> Embeddings:
        """Embeddings by the text model of the same name with `-held-out`.

        Raises:
            WeightsUnavailableError: No distribution provides one, or its weights are unavailable.
        """

        def make() -> Embeddings:
            from smmbench.scoring.embeddings import Embeddings
            from smmbench.scoring.models.encoders import WeightsUnavailableError
            from smmbench.scoring.models.text_model import GROUP, TextModel

            name = f"{self.protocol.text_model}{HELD_OUT}"
            if name not in offered(GROUP):
                raise WeightsUnavailableError(
                    f"There is no held-out text model for '{self.protocol.text_model}': no "
                    f"installed distribution provides a model '{name}'."
                )
            return Embeddings(TextModel(name, self.device), self.protocol.text_prefix)

        found: Embeddings = self.once("held-out embeddings", make)
        return found

    @property
    def tracker(self) -> Tracker:
        """The protocol's tracker; raises the errors of `open_tracker`."""

        def make() -> Tracker:
            from smmbench.tracking import open_tracker

            return open_tracker(self.protocol.tracker, self.protocol.grid, self.device)

        found: Tracker = self.once("tracker", make)
        return found

    @property
    def tracks(self) -> ClipTracks:
        """Tracks by the protocol's tracker, cached on disk; raises the errors of `tracker`."""

        def make() -> ClipTracks:
            from smmbench.scoring.clip_tracks import ClipTracks

            return ClipTracks(self.dataset, self.tracker, self.source_tracks)

        found: ClipTracks = self.once("tracks", make)
        return found

    @property
    def flow(self) -> SourceFlow:
        """Dense flow of sources, by OpenCV, which needs no weights."""

        def make() -> SourceFlow:
            from smmbench.scoring.source_flow import SourceFlow

            return SourceFlow(self.source)

        found: SourceFlow = self.once("source flow", make)
        return found

    def frame_model(self, where: HubModel, model: str, processor: str) -> FrameModel:
        """Load a model of the hub.

        Args:
            where: Its repository, or the folder that an environment variable names.
            model: Name of the class of transformers that loads it, such as `CLIPModel`.
            processor: Name of the class that prepares its input, such as `CLIPProcessor`.

        Raises:
            WeightsMissingError: Its weights are unavailable, or not of that class.
        """
        import transformers

        from smmbench.scoring.models.frame_model import FrameModel
        from smmbench.scoring.models.hub_model import hub_folder

        classes = getattr(transformers, model), getattr(transformers, processor)
        return FrameModel(hub_folder(where), *classes, self.device)

    def judge(self, variable: str) -> Judge:
        """Load a vision-language model; raises `WeightsMissingError` if there is none."""
        from smmbench.scoring.models.judge import Judge

        return Judge(variable, self.device)

    def video_text(self, variable: str) -> VideoTextModel:
        """Load a video-text model; raises `WeightsMissingError` if there is none."""
        from smmbench.scoring.models.video_text_model import VideoTextModel

        return VideoTextModel(variable, self.device)

    def arrays(
        self, kind: str, origin: dict[str, Any], compute: Callable[[], dict[str, np.ndarray]]
    ) -> dict[str, np.ndarray]:
        """Arrays that are computed once for an origin and cached on disk."""
        from smmbench.storage.array_cache import cached_arrays

        return cached_arrays(kind, origin, compute)

    def source(self, clip: Clip) -> Video:
        """The source in its normal form; raises `ValueError` if its file is missing."""
        return source_video(self.dataset, clip)

    def once(self, name: str, make: Callable[[], Any]) -> Any:
        """Create an object that several metrics use, under a unique name.

        A failure is not retried, because a network is slow.
        """
        if name not in self._made:
            try:
                self._made[name] = make()
            except (ImportError, OSError, ValueError) as error:
                self._made[name] = error
        if isinstance(made := self._made[name], Exception):
            raise made
        return made
