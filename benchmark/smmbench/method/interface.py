"""The interface of a motion-transfer method.

A method is constructed once, prepares each source clip once, and transfers its motion once per
prompt and seed. Inversion and tuning belong in `prepare`, because all prompts and seeds share them.
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
    """One source clip, as a method receives it.

    Attributes:
        clip: Name of the clip in its dataset.
        video: The clip in the dataset's normal form.
        prompt: Caption of the clip; empty if the dataset has none.
        other: Returns another clip of the same dataset (for controls), always the same one.
    """

    clip: str
    video: Video
    prompt: str
    other: Callable[[], Video] = field(repr=False, compare=False)


@dataclass(frozen=True)
class Card:
    """What a reader of the board must know about a method.

    Attributes:
        title: Human-readable name.
        kind: `method`, `baseline`, `control` (with a known expected score) or `imported`.
        paper: Reference or address; empty for none.
        code: Address of the published code; a re-implementation says so in its notes.
        licence: SPDX identifier of the code that ran.
        backbone: The video model that it uses here; empty for none.
        original: The video model that the paper's own code uses.
        values: Source of the default parameters.
        tuned: How each preset was chosen: the number of settings, the data, and the rule. What
            `smmbench tune` chose for a run is in `method.json` instead.
        notes: Differences from the original, and their reasons.
        family: Family of the backbone (`unet-3d`, `wan`, `cogvideox`); empty for none.
        input_contract: What the method receives besides the source clip: `text`,
            `text-and-first-image`, and so on; empty if unknown.
        authors: Authors of the method.
        contact: Whom to contact about the results.
        seen: What the method, or its backbone, was trained on or has seen of the test set.
        approved_by: Author of the original method who confirmed the settings; empty for none.

    Time and memory are measured and stored in the records; they are not part of a card.
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
    """The video model of a loaded method, and how it is used.

    Attributes:
        family: `unet-3d`, `wan`, `cogvideox`; `none` for a method without one.
        scheduler: How noise levels are stepped through: `ddim`, `euler`.
        prediction: What the network predicts: `epsilon`, `v`, `flow`.
        frame_rule: Numbers of frames that the model accepts: `any`, `4k+1`.
        padded_frames: Frames that are added to each clip and removed after decoding.
        memory_measures: What was done, from some pair on, because memory ran out. Results stay the
            same up to rounding.
    """

    family: str
    scheduler: str = ""
    prediction: str = ""
    frame_rule: str = "any"
    padded_frames: int = 0
    memory_measures: tuple[str, ...] = ()


class Method(ABC, Generic[ParametersT, PreparedT]):
    """A text-driven motion-transfer method.

    Subclasses define `Parameters`, a frozen dataclass (every field typed, with a default and in the
    paper's units), their `presets` by name, and a `card`. If it applies, they also define
    `deterministic` (no random numbers are used: every seed gives the same video), the space of
    parameters that `smmbench tune` may `search`, and `checkpoints`: the parameters that name
    weights or their folders, which are identified by the hashes that `weights` returns. `packages`
    names the distributions that the method imports and smmbench does not always install, so that a
    dry run can report a missing one.

    Args:
        parameters: An instance of `Parameters`.
        device: Device to compute on: `cpu`, `cuda`, `cuda:1`, `mps`.
    """

    Parameters: ClassVar[type]
    presets: ClassVar[dict[str, dict[str, Any]]] = {}
    card: ClassVar[Card]
    deterministic: ClassVar[bool] = False
    search: ClassVar[Mapping[str, Space]] = {}
    checkpoints: ClassVar[tuple[str, ...]] = ()
    packages: ClassVar[tuple[str, ...]] = ()

    def __init__(self, parameters: ParametersT, device: str) -> None:
        self.parameters = parameters
        self.device = device

    @abstractmethod
    def prepare(self, source: Source) -> PreparedT:
        """Prepare a clip once for all its prompts and seeds."""

    @abstractmethod
    def transfer(self, prepared: PreparedT, prompt: str, seed: int) -> Video:
        """Generate a video of `prompt` with the motion of the prepared clip.

        The same prepared clip, prompt and seed must give the same video on the same machine. No
        call may change what a later call returns.
        """

    def prepare_batch(self, sources: Sequence[Source]) -> Sequence[PreparedT]:
        """Prepare several clips of one size and length at once: `smmbench run --batch N`.

        A method that can process several clips at once defines this and `transfer_batch`; others
        are called for one at a time. The result may differ from `prepare` only by rounding. If it
        raises an exception, each half of the clips is tried, so that a faulty clip fails alone.
        """
        return [self.prepare(source) for source in sources]

    def transfer_batch(
        self, prepared: Sequence[PreparedT], prompts: Sequence[str], seeds: Sequence[int]
    ) -> Sequence[Video]:
        """Transfer several clips at once, with a prompt and a seed for each; see `prepare_batch`.

        A clip may occur several times. Up to rounding, a video depends only on its own clip, prompt
        and seed.
        """
        return [self.transfer(*one) for one in zip(prepared, prompts, seeds, strict=True)]

    def weights(self) -> dict[str, str]:
        """Return the SHA-256 of the loaded weights, by a readable name for each part.

        `smmbench.storage.weights_hash.tensors_sha256` hashes tensors regardless of their files.
        It is called once, after construction.
        """
        return {}

    def backbone_use(self) -> BackboneUse | None:
        """Return the video model that the method uses; None if it does not state it.

        It is called after construction, and again after clips have been prepared.
        """
        return None
