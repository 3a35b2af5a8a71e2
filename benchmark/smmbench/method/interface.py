"""The interface of a motion-transfer method.

A method is built once, prepares each source clip once, and transfers its motion once for each
prompt and seed. Inversion and tuning belong in `prepare`: all prompts and seeds share them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, TypeVar

from smmbench.method.search_space import Space
from smmbench.video import Video

ParametersT = TypeVar("ParametersT")
PreparedT = TypeVar("PreparedT")


@dataclass(frozen=True)
class Source:
    """One source clip as a method sees it.

    Attributes:
        clip: Name of the clip in its dataset.
        video: The clip in the dataset's normal form.
        prompt: What the clip shows, as a caption; empty where the dataset has none.
        other: Gives another clip of the same dataset (for controls), always the same one.
    """

    clip: str
    video: Video
    prompt: str
    other: Callable[[], Video] = field(repr=False, compare=False)


@dataclass(frozen=True)
class Card:
    """What a reader of the board must know of a method.

    Attributes:
        title: Name in words.
        kind: `method`, `baseline`, `control` (an anchor with a known place) or `imported`.
        paper: Reference or address; empty for none.
        code: Address of the published code; a re-implementation says so in its notes.
        licence: SPDX identifier of the code that ran.
        backbone: The video model that it works on here; empty for none.
        original: What the paper's own code works on.
        values: Where the default parameters come from.
        tuned: How each preset was chosen: how many settings were tried, on what, by which rule.
            What `smmbench tune` chose for a run stands in `method.json` instead.
        notes: What was changed from the original, and why.
        family: Family of the backbone (`unet-3d`, `wan`, `cogvideox`); empty for none.
        input_contract: What the method is given beside the source clip: `text`,
            `text-and-first-image`, and so on; empty where it is not known.
        authors: Who wrote the method.
        contact: Whom to ask about the results.
        seen: What the method, or its backbone, was trained on or has seen of the test set.
        approved_by: Author of the original method who confirmed the settings; empty for none.

    Seconds and memory are measured and stand in the records; a card has no word of them.
    """

    title: str
    kind: str = "method"
    paper: str = ""
    code: str = ""
    licence: str = ""
    notes: str = ""
    backbone: str = ""
    original: str = ""
    values: str = ""
    tuned: str = ""
    family: str = ""
    input_contract: str = "text"
    authors: str = ""
    contact: str = ""
    seen: str = ""
    approved_by: str = ""


@dataclass(frozen=True)
class BackboneUse:
    """The video model that a loaded method works on, and how.

    Attributes:
        family: `unet-3d`, `wan`, `cogvideox`; `none` for a method without one.
        scheduler: How noise levels are stepped through: `ddim`, `euler`.
        prediction: What the network predicts: `epsilon`, `v`, `flow`.
        frame_rule: Which numbers of frames the model takes: `any`, `4k+1`.
        padded_frames: Frames that were added to each clip and cut again after decoding.
    """

    family: str
    scheduler: str = ""
    prediction: str = ""
    frame_rule: str = "any"
    padded_frames: int = 0


class Method(ABC, Generic[ParametersT, PreparedT]):
    """A text-driven motion-transfer method.

    Subclasses name a frozen dataclass of their parameters (every field typed, with a default and
    in the paper's units) as `Parameters`, their presets by name, and a `card`; and, where it
    applies, that they are `deterministic` (nothing is drawn: every seed gives the same video) and
    the space that `smmbench tune` may `search`, by parameter; and which parameters are
    `checkpoints`: names or folders of weights, which count by the weights that `weights` hashes.

    Args:
        parameters: An instance of `Parameters`.
        device: Where to compute: `cpu`, `cuda`, `cuda:1`, `mps`.
    """

    Parameters: ClassVar[type]
    presets: ClassVar[dict[str, dict[str, Any]]] = {}
    card: ClassVar[Card]
    deterministic: ClassVar[bool] = False
    search: ClassVar[Mapping[str, Space]] = {}
    checkpoints: ClassVar[tuple[str, ...]] = ()

    def __init__(self, parameters: ParametersT, device: str) -> None:
        self.parameters = parameters
        self.device = device

    @abstractmethod
    def prepare(self, source: Source) -> PreparedT:
        """Do once for a clip what all its prompts and seeds share."""

    @abstractmethod
    def transfer(self, prepared: PreparedT, prompt: str, seed: int) -> Video:
        """Make a video of what `prompt` says in the motion of the prepared clip.

        The same prepared clip, prompt and seed give the same video on the same machine. Nothing
        that a call does may change what a later call returns.
        """

    def prepare_batch(self, sources: Sequence[Source]) -> Sequence[PreparedT]:
        """Prepare several clips of one size and length at once: `smmbench run --batch N`.

        A method that can work on many at once defines this and `transfer_batch`; others are asked
        for one at a time. What it gives may differ from `prepare` by rounding, not more. If it
        raises, each half of the clips is tried, so that one of them fails alone.
        """
        return [self.prepare(source) for source in sources]

    def transfer_batch(
        self, prepared: Sequence[PreparedT], prompts: Sequence[str], seeds: Sequence[int]
    ) -> Sequence[Video]:
        """Transfer several at once, one prompt and one seed for each; see `prepare_batch`.

        A clip may stand there several times. A video depends on its own clip, prompt and seed
        only, up to rounding.
        """
        return [self.transfer(*one) for one in zip(prepared, prompts, seeds, strict=True)]

    def weights(self) -> dict[str, str]:
        """SHA-256 of the weights that the method loaded, by a readable name for each part.

        `smmbench.storage.weights_hash.tensors_sha256` hashes tensors, whatever file they lie in.
        Asked once, when the method has been built.
        """
        return {}

    def backbone_use(self) -> BackboneUse | None:
        """The video model that the method works on; None where it does not state it.

        Asked when the method has been built, and again when clips have been prepared.
        """
        return None
