"""Parameters that every method on this backbone shares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from typing_extensions import Doc

from smmbench.diffusion.schedule import NoiseSchedule

QUALITY = "Amazing quality, masterpiece, "
DEFECTS = "bad quality, distortions, unrealistic, distorted image, watermark, signature"

BACKBONES = "ZeroScope v2 576w or another 3D UNet, Wan2.1-T2V, CogVideoX: see its families"
"""What a method's card says of its backbone here, where it is defined on all families."""

UNETS = "any text-to-video model of the 3D-UNet family: ZeroScope v2 576w, the embedded one"
"""The same of a method that only 3D UNets have the layers for."""

EMOJI: dict[str, Any] = {
    "model": "emoji",
    "dtype": "float32",
    "steps": 25,
    "guidance": 6.0,
    "prompt_prefix": "",  # the small text encoder does not know these words
    "negative_prompt": "",
}
"""What the embedded UNet needs otherwise."""

EMOJI_WAN: dict[str, Any] = {
    "model": "emoji-wan",
    "dtype": "float32",
    "steps": 30,
    "guidance": 4.0,
    "prompt_prefix": "",
    "negative_prompt": "",
}
"""What the embedded transformer needs otherwise."""

WAN: dict[str, Any] = {
    "model": "Wan-AI/Wan2.1-T2V-1.3B-Diffusers",
    "dtype": "bfloat16",
    "steps": 50,
    "guidance": 5.0,
    "prompt_prefix": "",
    "negative_prompt": "",
    "compile": True,
}
"""What Wan2.1 at 480p needs otherwise: its pipeline's guidance scale, and blocks compiled once."""

SEARCHED = (
    "emoji: the best of 8 settings on emoji-val by text similarity plus motion fidelity, equal in "
    "weight: the best three of one edit a clip were made again of all edits with two other seeds"
)
"""What a card says of a preset `emoji` that the laboratory searched."""

BEGINNING = "emoji-wan: where its registered search begins (datasets/docs/emoji-wan-tuning.md)"
"""What a card says of a preset `emoji-wan`."""


@dataclass(frozen=True)
class DiffusionParameters:
    """Which model makes the video, and how it is sampled; values of Yatim et al. (CVPR 2024)."""

    model: Annotated[str, Doc("installed name, local folder or hub id")] = (
        "cerspense/zeroscope_v2_576w"
    )
    revision: Annotated[
        str, Doc("commit of a hub id; empty: the one known to work, for known ids")
    ] = ""
    dtype: Annotated[Literal["float16", "bfloat16", "float32"], Doc("of the networks")] = "float16"
    steps: Annotated[int, Doc("of DDIM sampling")] = 50
    guidance: Annotated[float, Doc("classifier-free guidance scale; 1 is none")] = 10.0
    guidance_rescale: Annotated[float, Doc("0 to 1, see `Denoiser.guided`")] = 0.0
    prompt_prefix: Annotated[str, Doc("before every prompt")] = QUALITY
    negative_prompt: Annotated[
        str,
        Doc("what classifier-free guidance leads away from; empty: no words"),
    ] = DEFECTS
    guidance_every: Annotated[
        int, Doc("steps that one pass with the negative prompt serves; above 1 is lossy")
    ] = 1
    compile: Annotated[
        bool, Doc("passes without gradients; minutes at first, then each one faster")
    ] = False
    float8: Annotated[
        bool, Doc("linear layers of a transformer in 8 bits: faster, smaller and lossy")
    ] = False
    low_memory: Annotated[
        bool, Doc("slower, in less memory: layers computed again, frames one by one")
    ] = False

    def __post_init__(self) -> None:
        refuse_below(self, 1, "steps", "guidance_every")
        if not 0 <= self.guidance_rescale <= 1:
            raise ValueError(f"guidance_rescale must be 0 to 1, got {self.guidance_rescale}.")


def refuse_below(parameters: Any, least: int, *names: str) -> None:
    """Refuse parameters, or numbers of a tuple, below a bound.

    Raises:
        ValueError: One is; the message names it.
    """
    for name in names:
        value = getattr(parameters, name)
        if min(value if isinstance(value, tuple) else (value,)) < least:
            raise ValueError(f"{name} must be at least {least}, got {value}.")


def check_timesteps(parameters: Any, schedule: NoiseSchedule) -> None:
    """Refuse more steps than a model's schedule has timesteps, before a clip is spent.

    Raises:
        ValueError: There are not that many.
    """
    length = schedule.length
    for name in ("steps", "inversion_steps"):
        if getattr(parameters, name, 1) > length:
            raise ValueError(
                f"{name} must be at most {length}, the timesteps of this model, got "
                f"{getattr(parameters, name)}."
            )


def check_levels(parameters: Any, *names: str) -> None:
    """Refuse parameters that are no noise levels.

    Raises:
        ValueError: One is not 0 to 1; the message names it.
    """
    for name in names:
        if not 0 <= getattr(parameters, name) <= 1:
            raise ValueError(
                f"{name} is a noise level, 0 (clean) to 1 (pure noise), got "
                f"{getattr(parameters, name):g}."
            )
