"""MyMethod: guidance with a custom loss. Here, the prediction moves like the source's latent.

The model is a 3D UNet, Wan or CogVideoX on a GPU, or the embedded model on any machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from typing_extensions import Doc

from smmbench.diffusion.denoiser import Latent
from smmbench.diffusion.guidance import gradient, loss_scale
from smmbench.diffusion.method import DiffusionMethod, Prepared, one_by_one, timings, together
from smmbench.diffusion.noise import generators, noise
from smmbench.diffusion.parameters import EMOJI, DiffusionParameters
from smmbench.diffusion.sampling import sample_guided
from smmbench.diffusion.schedule import Timestep, within
from smmbench.method import Card, Source
from smmbench.search import LogRange, Range, Space
from smmbench.video import Video


@dataclass(frozen=True)
class Parameters(DiffusionParameters):
    """Parameters of this method; model, steps and guidance scale are inherited."""

    weight: Annotated[float, Doc("Weight of the loss's gradient in each guided step.")] = 20.0
    guided_to: Annotated[float, Doc("Noise level at which guidance ends; 1 is pure noise.")] = 0.6


class MyMethod(DiffusionMethod[Parameters, Prepared]):
    """Samples from noise, and updates each latent by the loss's gradient before denoising it."""

    Parameters = Parameters
    presets: ClassVar[dict[str, dict[str, Any]]] = {"emoji": EMOJI}
    search: ClassVar[dict[str, Space]] = {
        "weight": LogRange(1.0, 200.0),
        "guided_to": Range(0.2, 0.95),
    }
    card = Card(
        title="MyMethod",
        kind="method",
        licence="MIT",
        authors="",  # these three and `paper` or `code` are needed by `smmbench submit`
        contact="",
        seen="",  # which clips of the test set it has seen; "none" if none
        notes="From the template.",
    )

    def prepare_batch(self, sources: Sequence[Source]) -> list[Prepared]:
        """Encode clips of one size; one clip is a batch of one."""
        return one_by_one(self.encode(sources), sources)

    def transfer_batch(
        self, prepared: Sequence[Prepared], prompts: Sequence[str], seeds: Sequence[int]
    ) -> list[Video]:
        """Sample; `x` and all latents are (batch, channel, time, rows, columns)."""
        schedule, source = self.backbone.schedule, together(prepared)
        wanted = steps_in_time(source)
        denoise = self.denoise(self.embed(prompts))
        timesteps = schedule.timesteps(self.parameters.steps)
        guided = within(schedule, timesteps, 1.0, self.parameters.guided_to)

        def guide(x: Latent, t: Timestep) -> Latent:
            if t not in guided:
                return x

            def loss(x: Latent) -> Latent:
                error = steps_in_time(denoise(x, t).x0) - wanted
                return error.square().flatten(1).mean(1)  # one a sample: they stay apart

            slope, _ = gradient(x, loss, f"timestep {t}", loss_scale(self.parameters.dtype))
            return x - self.parameters.weight * slope

        x = noise(source, generators(seeds))  # of the source's shape, on its device
        x = sample_guided(schedule, denoise, x, timesteps, guide)
        return self.videos(x, timings(prepared))


def steps_in_time(x: Latent) -> Latent:
    """What changes from each frame to the next, at each place."""
    return x.diff(dim=2)
