"""FlowEdit: move the clip along the difference of two velocities, without inversion.

Kulikov, Kleiner, Huberman-Spiegelglas, Michaeli: "FlowEdit: Inversion-Free Text-Based Editing Using
Pre-Trained Flow Models", ICCV 2025 (arXiv 2412.08629).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor
from typing_extensions import Doc

from smmbench.diffusion.denoiser import Latent
from smmbench.diffusion.finite import check_finite
from smmbench.diffusion.method import DiffusionMethod, Timing
from smmbench.diffusion.noise import generators, noise
from smmbench.diffusion.parameters import (
    BEGINNING,
    EMOJI_WAN,
    DiffusionParameters,
    check_levels,
    refuse_below,
)
from smmbench.diffusion.sampling import Denoise, steps
from smmbench.diffusion.schedule import NoiseSchedule, Prediction, within
from smmbench.diffusion.support import Support, original, undefined
from smmbench.method import Card, Source
from smmbench.method.search_space import Range, Space
from smmbench.video import Video

NOT_A_FLOW = (
    "it follows velocities of straight paths from clip to noise, and this model was not trained on "
    "such paths."
)


@dataclass(frozen=True)
class Parameters(DiffusionParameters):
    """Parameters of FlowEdit, with the values of FiVE on Wan."""

    guidance: Annotated[
        float, Doc("Classifier-free guidance scale of the target prompt; 1 disables it.")
    ] = 12.0
    source_guidance: Annotated[float, Doc("Guidance scale of the source's caption.")] = 5.0
    noise_level: Annotated[float, Doc("Noise level where editing starts.")] = 0.955
    averages: Annotated[int, Doc("Noise draws that are averaged in each step.")] = 1
    form: Annotated[
        Literal["paper", "shared-noise"], Doc("shared-noise: the same noise on both sides.")
    ] = "paper"
    model: Annotated[str, Doc("Registered name, local folder or hub id.")] = (
        "Wan-AI/Wan2.1-T2V-1.3B-Diffusers"
    )
    dtype: Annotated[
        Literal["float16", "bfloat16", "float32"], Doc("Number type of the networks.")
    ] = "bfloat16"
    prompt_prefix: Annotated[str, Doc("Text before every prompt.")] = ""
    negative_prompt: Annotated[
        str,
        Doc("Negative prompt of classifier-free guidance; may be empty."),
    ] = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_levels(self, "noise_level")
        refuse_below(self, 1, "averages")


@dataclass(frozen=True, eq=False)
class Encoded:
    """A clip.

    Attributes:
        x: The latent, as a batch of one.
        prompt: Its caption.
        timing: Its length and frame rate.
    """

    x: Float[Tensor, "1 channel time rows columns"]
    prompt: str
    timing: Timing


@torch.no_grad()
def flow_edit(
    schedule: NoiseSchedule,
    source: Denoise,
    target: Denoise,
    clean: Latent,
    timesteps: Sequence[float],
    draw: Sequence[torch.Generator],
    averages: int = 1,
    form: Literal["paper", "shared-noise"] = "paper",
) -> Latent:
    """Transport a clean latent from one prompt to another (Algorithm 1).

    With the same network and prompt on both sides, the latent does not change, whatever the noise.

    Args:
        schedule: Schedule of a flow.
        source: The network with the source's caption.
        target: The network with the target prompt.
        clean: z_0 of the source.
        timesteps: Timesteps of the edit, noisiest first; none leaves the clip unchanged.
        draw: One generator per sample.
        averages: Draws of noise in each step.
        form: `paper`: the target is shown z + z_src - z_0. `shared-noise`: it is shown z noised
            with the same noise, (1 - sigma) z + sigma noise.

    Raises:
        FloatingPointError: The latent is no longer finite.
    """
    z = clean
    for t, to in steps(timesteps):
        difference = torch.zeros_like(z)
        for _ in range(averages):
            fresh = noise(clean, draw)
            z_source = schedule.at(t, Prediction(clean, fresh))
            z_target = (
                z + z_source - clean if form == "paper" else schedule.at(t, Prediction(z, fresh))
            )
            difference += velocity(target(z_target, t)) - velocity(source(z_source, t))
        z = z + (schedule.sigma(to) - schedule.sigma(t)) * difference / averages
        check_finite(z, f"editing at timestep {t:g}")
    return z


def velocity(predicted: Prediction) -> Latent:
    """Noise - x0, the velocity from a clip to noise."""
    return predicted.noise - predicted.x0


class FlowEdit(DiffusionMethod[Parameters, Encoded]):
    """Starts as the clip and moves by the difference of target's and source's velocities."""

    Parameters = Parameters
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "paper": {},
        "emoji-wan": {**EMOJI_WAN, "guidance": 12.0},
    }
    search: ClassVar[Mapping[str, Space]] = {
        "noise_level": Range(0.8, 1.0),
        "guidance": Range(4.0, 16.0),
    }
    families: ClassVar[Mapping[str, Support]] = {
        "unet-3d": undefined(NOT_A_FLOW),
        "wan": original("the paper edits images with SD3 and FLUX, also flows; FiVE uses Wan"),
        "cogvideox": undefined(NOT_A_FLOW),
    }
    card = Card(
        title="FlowEdit",
        kind="baseline",
        paper="Kulikov et al., ICCV 2025, https://arxiv.org/abs/2412.08629",
        code="https://github.com/fallenshock/FlowEdit",
        licence="Apache-2.0",
        notes=(
            "Re-implemented from the paper's Algorithm 1, without its last plain sampling steps "
            "(n_min = 0). The guidance scales and the number of skipped steps are those that FiVE "
            "uses on Wan (9 of 50 at shift 5). Not a motion-transfer method but, like SDEdit, a "
            "baseline that every guided method must beat."
        ),
        backbone="Wan2.1-T2V and other flows",
        original="Stable Diffusion 3 and FLUX, images",
        values="those of FiVE-Bench on Wan; the paper's are for images",
        tuned=BEGINNING,
    )

    def check_model(self) -> None:
        """Reject a noise level below every step: the clip itself would pass as an edit."""
        if not self._timesteps():
            p, schedule = self.parameters, self.backbone.schedule
            least = schedule.noise_level(schedule.timesteps(p.steps)[-1])
            raise ValueError(
                f"noise_level {p.noise_level:g} is below the cleanest of {p.steps} steps, "
                f"{least:.3g}, so nothing would be edited: set more steps."
            )

    def prepare_batch(self, sources: Sequence[Source]) -> list[Encoded]:
        """Encode the clips."""
        x = self.encode(sources)
        return [Encoded(x[[i]], one.prompt, Timing.of(one)) for i, one in enumerate(sources)]

    def transfer_batch(
        self, prepared: Sequence[Encoded], prompts: Sequence[str], seeds: Sequence[int]
    ) -> list[Video]:
        """Edit the clips."""
        p, backbone = self.parameters, self.backbone
        captions = self.embed([one.prompt for one in prepared])
        negative = backbone.embed([p.negative_prompt])
        x = flow_edit(
            backbone.schedule,
            lambda x, t: backbone.denoiser.guided(x, t, captions, negative, p.source_guidance),
            self.denoise(self.embed(prompts)),
            torch.cat([one.x for one in prepared]),
            self._timesteps(),
            generators(seeds),
            p.averages,
            p.form,
        )
        return self.videos(x, [one.timing for one in prepared])

    def _timesteps(self) -> tuple[float, ...]:
        schedule = self.backbone.schedule
        return within(
            schedule, schedule.timesteps(self.parameters.steps), self.parameters.noise_level, 0.0
        )


@dataclass(frozen=True)
class FiVEParameters(Parameters):
    """Parameters of FiVE's variant."""

    form: Annotated[Literal["paper", "shared-noise"], Doc("The same noise on both sides.")] = (
        "shared-noise"
    )


class FlowEditFiVE(FlowEdit):
    """FlowEdit with the target noised like the source, z += (s' - s)(v_target - v_source)."""

    Parameters = FiVEParameters
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "paper": {},
        "emoji-wan": {**EMOJI_WAN, "guidance": 12.0},
    }
    card = Card(
        title="FlowEdit, FiVE's variant",
        kind="baseline",
        paper="Li et al., FiVE, ICCV 2025",
        code="https://github.com/MinghanLi/FiVE-Bench",
        licence="Apache-2.0",
        notes=(
            "A variant of FlowEdit under its own name: the target's side is the edited latent "
            "noised with the same fresh noise as the source, (1 - s) z + s noise. Reimplemented "
            "from a description of FiVE's code, not checked against it."
        ),
        backbone="Wan2.1-T2V and other flows",
        original="Wan2.1-T2V-1.3B",
        values="those of FiVE-Bench on Wan",
        tuned="nothing yet",
    )
