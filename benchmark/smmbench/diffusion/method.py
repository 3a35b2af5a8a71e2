"""What all methods on a backbone share: one loaded model, and clips processed in batches."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from smmbench.diffusion.backbone import Backbone, load_backbone
from smmbench.diffusion.codecs import Frames
from smmbench.diffusion.denoiser import Latent, Text
from smmbench.diffusion.families import Family
from smmbench.diffusion.parameters import DiffusionParameters, check_timesteps
from smmbench.diffusion.sampling import Denoise, reusing
from smmbench.diffusion.support import Support, check_support
from smmbench.method import BackboneUse, Method, Source
from smmbench.progress import stage
from smmbench.video import Video

ParametersT = TypeVar("ParametersT", bound=DiffusionParameters)
PreparedT = TypeVar("PreparedT")


@dataclass(frozen=True)
class Timing:
    """The timing that a generated video takes from its source clip.

    Attributes:
        frames: Number of frames; the latent may hold more, which are padding.
        fps: The frame rate.
    """

    frames: int
    fps: float

    @classmethod
    def of(cls, source: Source) -> Timing:
        """The timing of a clip."""
        return cls(len(source.video.frames), source.video.fps)


@dataclass(frozen=True, eq=False)
class Prepared:
    """A clip prepared as one latent.

    Attributes:
        x: The latent, as a batch of one.
        timing: The clip's timing.
    """

    x: Float[Tensor, "1 channel time rows columns"]
    timing: Timing


class DiffusionMethod(Method[ParametersT, PreparedT], Generic[ParametersT, PreparedT]):
    """A method on a text-to-video backbone.

    Subclasses process batches; one clip is a batch of one, and gives the same video up to rounding.
    The class attribute `families` states, by the family's name, on which backbones a method is
    defined; a family that it does not mention is not refused.

    Args:
        parameters: An instance of `Parameters`.
        device: Where to compute.
        backbone: A model that is already loaded, used instead of the one that the parameters name
            and without applying `compile`, `float8` and `low_memory`.
    """

    checkpoints = ("model", "revision")
    families: ClassVar[Mapping[str, Support]] = {}

    def __init__(
        self, parameters: ParametersT, device: str, backbone: Backbone | None = None
    ) -> None:
        super().__init__(parameters, device)
        if backbone:
            self._check_family(backbone.family)
        stage("loading the model")
        self.backbone = backbone or load_backbone(
            parameters.model,
            parameters.revision,
            device,
            getattr(torch, parameters.dtype),
            low_memory=parameters.low_memory,
            compile=parameters.compile,
            float8=parameters.float8,
            check=self._check_family,
        )
        self.padded_frames = 0  # of the most recently encoded clips
        check_timesteps(parameters, self.backbone.schedule)
        self.check_model()

    def check_model(self) -> None:
        """Refuse a model that does not suit the parameters; called once after loading."""

    @abstractmethod
    def prepare_batch(self, sources: Sequence[Source]) -> list[PreparedT]:
        """Prepare clips of the same size and length together."""

    @abstractmethod
    def transfer_batch(
        self, prepared: Sequence[PreparedT], prompts: Sequence[str], seeds: Sequence[int]
    ) -> list[Video]:
        """Transfer together, with one prompt and one seed for each prepared clip."""

    def prepare(self, source: Source) -> PreparedT:
        """Prepare one clip."""
        return self.prepare_batch([source])[0]

    def transfer(self, prepared: PreparedT, prompt: str, seed: int) -> Video:
        """Transfer one clip's motion."""
        return self.transfer_batch([prepared], [prompt], [seed])[0]

    def weights(self) -> dict[str, str]:
        """SHA-256 of the weights of each of the model's networks."""
        return self.backbone.weights()

    def backbone_use(self) -> BackboneUse:
        """Family, sampling ladder and frame rule of the loaded model, and its memory measures."""
        schedule, codec = self.backbone.schedule, self.backbone.codec
        return BackboneUse(
            family=self.backbone.family.name,
            scheduler=schedule.ladder,
            prediction=schedule.predicts,
            frame_rule=codec.frame_rule,
            padded_frames=self.padded_frames,
            memory_measures=(*self.backbone.denoiser.spare.taken, *codec.spare.taken),
        )

    def encode(self, sources: Sequence[Source]) -> Latent:
        """Encode clips by the encoder's mean: no seed enters the preparation.

        A clip length that the model does not support is padded with the last frame; `videos`
        removes the padding from the result.
        """
        self.note_padding(sources)
        return self.backbone.encode(stack_frames([source.video for source in sources]))

    def note_padding(self, sources: Sequence[Source]) -> None:
        """Store, for `backbone_use`, how many frames the model adds to clips of this length."""
        frames = len(sources[0].video.frames)
        self.padded_frames = self.backbone.whole_frames(frames) - frames

    def embed(self, prompts: Sequence[str]) -> Text:
        """Text states of prompts, each with the prefix in front."""
        return self.backbone.embed([self.parameters.prompt_prefix + prompt for prompt in prompts])

    def denoise(self, text: Text) -> Denoise:
        """The network with classifier-free guidance for this text, as the parameters say."""
        negative = self.backbone.embed([self.parameters.negative_prompt])
        p, denoiser = self.parameters, self.backbone.denoiser
        if p.guidance_every > 1 and p.guidance != 1:
            return reusing(
                denoiser, text, negative, p.guidance, p.guidance_rescale, p.guidance_every
            )
        return lambda x, t: denoiser.guided(x, t, text, negative, p.guidance, p.guidance_rescale)

    def videos(self, x: Latent, timings: Sequence[Timing]) -> list[Video]:
        """Decode latents to videos of these lengths and frame rates."""
        frames = self.backbone.decode(x)
        return [
            Video(np.ascontiguousarray(clip[: timing.frames]), timing.fps)
            for clip, timing in zip(frames, timings, strict=True)
        ]

    def _check_family(self, family: Family) -> None:
        check_support(self.card.title, self.families, family)


def stack_frames(videos: Sequence[Video]) -> Frames:
    """Stack the frames of clips in one array.

    Raises:
        ValueError: They differ in length or size.
    """
    shapes = {video.frames.shape for video in videos}
    if len(shapes) != 1:
        raise ValueError(f"A batch needs clips of the same shape, got {sorted(shapes)}.")
    return np.stack([video.frames for video in videos])


def one_by_one(x: Latent, sources: Sequence[Source]) -> list[Prepared]:
    """Split a batch of latents into one prepared latent per clip."""
    return [Prepared(x[[i]], Timing.of(source)) for i, source in enumerate(sources)]


def together(prepared: Sequence[Prepared]) -> Latent:
    """Join prepared latents to one batch."""
    return torch.cat([one.x for one in prepared])


def timings(prepared: Sequence[Prepared]) -> list[Timing]:
    """Lengths and frame rates of prepared clips."""
    return [one.timing for one in prepared]
