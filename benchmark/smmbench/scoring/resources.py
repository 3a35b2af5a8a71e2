"""What metrics share, loaded once: the text model, the tracker, sources."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

from smmbench.dataset import Clip, Dataset, Protocol, source_video
from smmbench.video import Video

if TYPE_CHECKING:
    from smmbench.scoring.embeddings import Embeddings
    from smmbench.tracking import Tracker


class Resources:
    """What a metric's loader may ask for.

    Attributes:
        dataset: Has the sources.
        protocol: What is scored under: the dataset's, with what the user named instead.
        source_tracks: Where the source's tracks are from.
        device: Where models compute.
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
            LookupError: No such model.
            WeightsUnavailableError: Its weights cannot be had here.
        """

        def make() -> Embeddings:
            from smmbench.scoring.embeddings import Embeddings
            from smmbench.scoring.models.text_model import TextModel

            model = TextModel(self.protocol.text_model, self.device)
            return Embeddings(model, self.protocol.text_prefix)

        found: Embeddings = self.once("embeddings", make)
        return found

    @property
    def tracker(self) -> Tracker:
        """The protocol's tracker; raises as `open_tracker`."""

        def make() -> Tracker:
            from smmbench.tracking import open_tracker

            return open_tracker(self.protocol.tracker, self.protocol.grid, self.device)

        found: Tracker = self.once("tracker", make)
        return found

    def source(self, clip: Clip) -> Video:
        """The source in its normal form; raises `ValueError` where its file is missing."""
        return source_video(self.dataset, clip)

    def once(self, name: str, make: Callable[[], Any]) -> Any:
        """Make a thing that several metrics use, under a name of its own.

        What cannot be made is not tried again, for a network is slow.
        """
        if name not in self._made:
            try:
                self._made[name] = make()
            except (ImportError, OSError, ValueError) as error:
                self._made[name] = error
        if isinstance(made := self._made[name], Exception):
            raise made
        return made
