"""What the methods on this backbone share: one loaded model, and clips worked on in batches."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from smmbench.diffusion.backbone import Backbone, Frames, load_backbone
from smmbench.diffusion.denoiser import Latent, Text
from smmbench.diffusion.parameters import DiffusionParameters, check_timesteps
from smmbench.diffusion.sampling import Denoise
from smmbench.method import BackboneUse, Method, Source
from smmbench.video import Video

ParametersT = TypeVar("ParametersT", bound=DiffusionParameters)
PreparedT = TypeVar("PreparedT")


@dataclass(frozen=True, eq=False)
class Prepared:
    """A clip prepared as one latent.

    Attributes:
        x: A batch of one.
        fps: The clip's frame rate.
    """

    x: Float[Tensor, "1 channel time rows columns"]
    fps: float


class DiffusionMethod(Method[ParametersT, PreparedT], Generic[ParametersT, PreparedT]):
    """A method on a text-to-video backbone.

    Subclasses work on batches; one clip is a batch of one, and gives the same video to rounding.

    Args:
        parameters: An instance of `Parameters`.
        device: Where to compute.
        backbone: A model that is loaded already, instead of the one that the parameters name; it
            is taken as it is, whatever `compile` and `low_memory` say.
    """

    checkpoints = ("model", "revision")

    def __init__(
        self, parameters: ParametersT, device: str, backbone: Backbone | None = None
    ) -> None:
        super().__init__(parameters, device)
        self.backbone = backbone or load_backbone(
            parameters.model,
            parameters.revision,
            device,
            getattr(torch, parameters.dtype),
            low_memory=parameters.low_memory,
            compile=parameters.compile,
        )
        check_timesteps(parameters, self.backbone.schedule)
        self.check_model()

    def check_model(self) -> None:
        """Refuse a model that the parameters do not fit; called once it is loaded."""

    @abstractmethod
    def prepare_batch(self, sources: Sequence[Source]) -> list[PreparedT]:
        """Prepare clips of one size and length together."""

    @abstractmethod
    def transfer_batch(
        self, prepared: Sequence[PreparedT], prompts: Sequence[str], seeds: Sequence[int]
    ) -> list[Video]:
        """Transfer together: one prompt and one seed for each prepared clip."""

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
        """The 3D UNet, which takes any number of frames."""
        return BackboneUse(
            family="unet-3d",
            scheduler="ddim",
            prediction="v" if self.backbone.schedule.prediction == "v_prediction" else "epsilon",
        )

    def encode(self, sources: Sequence[Source]) -> Latent:
        """Latents of the clips, by the encoder's mean: no seed enters the preparation."""
        return self.backbone.encode(stack_frames([source.video for source in sources]))

    def embed(self, prompts: Sequence[str]) -> Text:
        """Text states of prompts, with the prefix before each."""
        return self.backbone.embed([self.parameters.prompt_prefix + prompt for prompt in prompts])

    def denoise(self, text: Text) -> Denoise:
        """The guided network for this text, as the parameters say."""
        negative = self.backbone.embed([self.parameters.negative_prompt])
        parameters = self.parameters
        return lambda x, t: self.backbone.denoiser.guided(
            x, t, text, negative, parameters.guidance, parameters.guidance_rescale
        )

    def videos(self, x: Latent, rates: Sequence[float]) -> list[Video]:
        """Decode latents to videos of these frame rates (frames a second)."""
        frames = self.backbone.decode(x)
        return [Video(clip, fps) for clip, fps in zip(frames, rates, strict=True)]


def stack_frames(videos: Sequence[Video]) -> Frames:
    """Frames of clips as one array.

    Raises:
        ValueError: They differ in length or size.
    """
    shapes = {video.frames.shape for video in videos}
    if len(shapes) != 1:
        raise ValueError(f"A batch needs clips of one shape, got {sorted(shapes)}.")
    return np.stack([video.frames for video in videos])


def one_by_one(x: Latent, sources: Sequence[Source]) -> list[Prepared]:
    """Take a batch of latents apart, one for each clip."""
    return [Prepared(x[[i]], source.video.fps) for i, source in enumerate(sources)]


def together(prepared: Sequence[Prepared]) -> Latent:
    """Put prepared latents into one batch."""
    return torch.cat([one.x for one in prepared])


def rates(prepared: Sequence[Prepared]) -> list[float]:
    """Frame rates of prepared clips, in frames a second."""
    return [one.fps for one in prepared]
