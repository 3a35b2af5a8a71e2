"""Controls that add a faint trace of the source's motion to a still picture of the prompt.

Each has the text similarity of the picture and, by its tracks, the motion of the source, while
viewers see a still image. They were found by attacking the board: if their scores would place
them among methods, they must be marked (`smmbench.marks`).
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Any, ClassVar, TypeVar

import cv2
import numpy as np
from jaxtyping import Float32, UInt8
from typing_extensions import Doc

from smmbench.diffusion.method import DiffusionMethod, Prepared
from smmbench.diffusion.parameters import BACKBONES, EMOJI, DiffusionParameters
from smmbench.diffusion.support import EVERYWHERE
from smmbench.method import Card, Source
from smmbench.video import Video
from smmbench_baselines.text_only import TextOnly

Clip = UInt8[np.ndarray, "time height width 3"]
Picture = UInt8[np.ndarray, "height width 3"]
Texture = Float32[np.ndarray, "height width"]


@dataclass(frozen=True, eq=False)
class Begun:
    """A clip, with the empty latent from which its still is sampled."""

    empty: Prepared
    source: Video


ParametersT = TypeVar("ParametersT", bound=DiffusionParameters)


class OnAStill(DiffusionMethod[ParametersT, Begun]):
    """Samples a video of the prompt alone, repeats its middle frame, and adds to it."""

    families = EVERYWHERE

    presets: ClassVar[dict[str, dict[str, Any]]] = {"emoji": EMOJI}

    def prepare_batch(self, sources: Sequence[Source]) -> list[Begun]:
        """Keep the clips, and create empty latents of their size."""
        self.note_padding(sources)
        empty = self._text_only().prepare_batch(sources)
        return [Begun(one, source.video) for one, source in zip(empty, sources, strict=True)]

    def transfer_batch(
        self, prepared: Sequence[Begun], prompts: Sequence[str], seeds: Sequence[int]
    ) -> list[Video]:
        """Sample the stills, then build each clip."""
        empty = [one.empty for one in prepared]
        sampled = self._text_only().transfer_batch(empty, prompts, seeds)
        stills = [video.frames[len(video.frames) // 2] for video in sampled]
        return [
            Video(self.build(one.source.frames, still, seed), one.source.fps)
            for one, still, seed in zip(prepared, stills, seeds, strict=True)
        ]

    @abstractmethod
    def build(self, source: Clip, still: Picture, seed: int) -> Clip:
        """Combine the clip with a still of its size."""

    def _text_only(self) -> TextOnly:
        return TextOnly(self.parameters, self.device, self.backbone)


def _card(title: str, notes: str) -> Card:
    """The card of a control whose parameters are those of sampling and of what it draws."""
    return Card(
        title,
        kind="control",
        licence="Apache-2.0",
        notes=notes,
        backbone=BACKBONES,
        values="those of SMM",
        tuned="not tunable",
    )


@dataclass(frozen=True)
class TextureParameters(DiffusionParameters):
    """The still's parameters, and the texture's."""

    levels: Annotated[float, Doc("Standard deviation of the texture, of 255.")] = 3.0


class TextureStill(OnAStill[TextureParameters]):
    """A still with a faint texture that moves with the source's flow."""

    Parameters = TextureParameters
    card = _card(
        "Still with a moving texture",
        notes="Noise of 3 of 255 levels drifts over a still image of the prompt like the source's "
        "pixels: trackers detect its motion, viewers see a still image.",
    )

    def build(self, source: Clip, still: Picture, seed: int) -> Clip:
        """Add the moving texture."""
        rng = np.random.default_rng(seed)
        texture = rng.normal(0.0, self.parameters.levels, still.shape[:2]).astype(np.float32)
        return _levels(still + carried(texture, source)[..., None])


@dataclass(frozen=True)
class OverlayParameters(DiffusionParameters):
    """The still's parameters, and the overlay's."""

    share: Annotated[float, Doc("Fraction of the source in the mixture, 0 to 1.")] = 0.08


class OverlayStill(OnAStill[OverlayParameters]):
    """A still image with the source overlaid faintly."""

    Parameters = OverlayParameters
    card = _card(
        "Still with the source overlaid",
        notes="92 % a still image of the prompt, 8 % the source: motion too faint to be seen.",
    )

    def build(self, source: Clip, still: Picture, seed: int) -> Clip:
        """Mix."""
        share = self.parameters.share
        return _levels((1 - share) * still + share * source.astype(np.float32))


@dataclass(frozen=True)
class InsetParameters(DiffusionParameters):
    """The still's parameters, and the inset's."""

    scale: Annotated[float, Doc("Scale of the source's sides, 0 to 1.")] = 0.5


class InsetStill(OnAStill[InsetParameters]):
    """A still with the source, reduced in size, in its lower right corner."""

    Parameters = InsetParameters
    card = _card(
        "Still with the source in a corner",
        notes="The source at half its size over a still image of the prompt: clearly visible, and "
        "not on the object. Motion fidelity does not detect it; a mark does.",
    )

    def build(self, source: Clip, still: Picture, seed: int) -> Clip:
        """Paste."""
        height, width = still.shape[:2]
        scale = self.parameters.scale
        rows, columns = max(1, round(height * scale)), max(1, round(width * scale))
        result = np.repeat(still[None], len(source), axis=0)
        for shown, frame in zip(result, source, strict=True):
            small = cv2.resize(frame, (columns, rows), interpolation=cv2.INTER_AREA)
            shown[height - rows :, width - columns :] = small
        return result


class FlowStill(OnAStill[DiffusionParameters]):
    """A still whose pixels follow the source's flow where the source's object is."""

    Parameters = DiffusionParameters
    card = _card(
        "Still warped by the source's flow",
        notes="A still image of the prompt; where the source's object is, its pixels follow the "
        "source's flow, whatever they show. Marks detect it on few clips only: look at "
        "it.",
    )

    def build(self, source: Clip, still: Picture, seed: int) -> Clip:
        """Warp the still, and keep it where the source's object is not."""
        mask = object_mask(source)
        return _levels(mask * warped(source, still) + (1 - mask) * still)


def object_mask(source: Clip) -> Float32[np.ndarray, "time height width 1"]:
    """Where a clip differs from its median frame, 0 to 1, with soft edges."""
    away = np.abs(source.astype(np.float32) - np.median(source, axis=0)).max(axis=-1)
    grown = [cv2.dilate((one > 25).astype(np.float32), np.ones((3, 3))) for one in away]
    return np.stack([cv2.GaussianBlur(one, (0, 0), 1) for one in grown])[..., None]


def warped(source: Clip, still: Picture) -> Clip:
    """A still, moved through all frames by a clip's flow."""
    height, width = still.shape[:2]
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    frames = zip(carried(x, source), carried(y, source), strict=True)
    edge = cv2.BORDER_REPLICATE
    return np.stack(
        [
            cv2.remap(still, from_x, from_y, cv2.INTER_LINEAR, borderMode=edge)
            for from_x, from_y in frames
        ]
    )


def carried(texture: Texture, clip: Clip) -> Float32[np.ndarray, "time height width"]:
    """A texture of the first frame, moved through all frames by a clip's flow (DIS)."""
    height, width = texture.shape
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    greys = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in clip]
    dis = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)  # type: ignore[attr-defined]
    from_x, from_y = x, y  # origin of each pixel of this frame in the first frame
    frames = [texture]
    for before, after in pairwise(greys):
        back = dis.calc(after, before, None)
        at_x, at_y = x + back[..., 0], y + back[..., 1]
        from_x, from_y = _at(from_x, at_x, at_y), _at(from_y, at_x, at_y)
        frames.append(_at(texture, from_x, from_y))
    return np.stack(frames)


def _at(
    field: Texture,
    x: Float32[np.ndarray, "height width"],
    y: Float32[np.ndarray, "height width"],
) -> Texture:
    return cv2.remap(field, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _levels(values: np.ndarray) -> Clip:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)
