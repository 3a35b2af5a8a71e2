"""Parameters that all methods on a backbone share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from typing_extensions import Doc

from smmbench.diffusion.schedule import NoiseSchedule

QUALITY = "Amazing quality, masterpiece, "
DEFECTS = "bad quality, distortions, unrealistic, distorted image, watermark, signature"

BACKBONES = "ZeroScope v2 576w or another 3D UNet, Wan2.1-T2V, CogVideoX: see families"
"""The backbone on a method's card, if the method is defined on all families."""

UNETS = "any text-to-video model of the 3D-UNet family: ZeroScope v2 576w, the embedded one"
"""The same for a method whose layers exist in 3D UNets only."""

EMOJI: dict[str, Any] = {
    "model": "emoji",
    "dtype": "float32",
    "steps": 25,
    "guidance": 6.0,
    "prompt_prefix": "",  # unknown to its small text encoder
    "negative_prompt": "",
}
"""Values that differ for the embedded UNet."""

EMOJI_WAN: dict[str, Any] = {
    "model": "emoji-wan",
    "dtype": "float32",
    "steps": 30,
    "guidance": 4.0,
    "prompt_prefix": "",
    "negative_prompt": "",
}
"""Values that differ for the embedded transformer."""

WAN: dict[str, Any] = {
    "model": "Wan-AI/Wan2.1-T2V-1.3B-Diffusers",
    "dtype": "bfloat16",
    "steps": 50,
    "guidance": 5.0,
    "prompt_prefix": "",
    "negative_prompt": "",
    "compile": True,
}
"""Values that differ for Wan2.1 at 480p: its pipeline's guidance scale, and compiled blocks."""

SEARCHED = (
    "emoji: the best of 8 settings on emoji-val by text similarity plus motion fidelity, equally "
    "weighted; the best three on one edit per clip were run again on all edits with two other seeds"
)
"""What a card says of a preset `emoji` that was selected by search."""

BEGINNING = "emoji-wan: starting point of its registered search (datasets/docs/emoji-wan-tuning.md)"
"""What a card says of a preset `emoji-wan`."""


@dataclass(frozen=True)
class DiffusionParameters:
    """The backbone and the sampling; the default values are those of Yatim et al. (CVPR 2024)."""

    model: Annotated[str, Doc("Registered name, local folder or hub id.")] = (
        "cerspense/zeroscope_v2_576w"
    )
    revision: Annotated[
        str, Doc("Commit of a hub id; if empty, a known id uses its pinned commit.")
    ] = ""
    dtype: Annotated[
        Literal["float16", "bfloat16", "float32"], Doc("Number type of the networks.")
    ] = "float16"
    steps: Annotated[int, Doc("Sampling steps.")] = 50
    guidance: Annotated[float, Doc("Classifier-free guidance scale; 1 disables it.")] = 10.0
    guidance_rescale: Annotated[float, Doc("0 (off) to 1; see `Denoiser.guided`.")] = 0.0
    prompt_prefix: Annotated[str, Doc("Text before every prompt.")] = QUALITY
    negative_prompt: Annotated[
        str,
        Doc("Negative prompt of classifier-free guidance; may be empty."),
    ] = DEFECTS
    guidance_every: Annotated[
        int, Doc("Steps per pass with the negative prompt; above 1 is faster and lossy.")
    ] = 1
    compile: Annotated[
        bool, Doc("Compile passes without gradients: minutes at first, then each is faster.")
    ] = False
    float8: Annotated[
        bool, Doc("8-bit linear layers in transformers: faster, smaller and lossy.")
    ] = False
    low_memory: Annotated[
        bool, Doc("Less memory but slower: recompute layers, process frames one by one.")
    ] = False

    def __post_init__(self) -> None:
        refuse_below(self, 1, "steps", "guidance_every")
        if not 0 <= self.guidance_rescale <= 1:
            raise ValueError(f"guidance_rescale must be from 0 to 1, got {self.guidance_rescale}.")


def refuse_below(parameters: Any, least: int, *names: str) -> None:
    """Refuse parameters, or numbers in a tuple, that are below a bound.

    Raises:
        ValueError: A value is below the bound; the message names the parameter.
    """
    for name in names:
        value = getattr(parameters, name)
        if min(value if isinstance(value, tuple) else (value,)) < least:
            raise ValueError(f"{name} must be at least {least}, got {value}.")


def check_timesteps(parameters: Any, schedule: NoiseSchedule) -> None:
    """Refuse more steps than the model's schedule has timesteps, before a clip is processed.

    Raises:
        ValueError: The schedule has fewer timesteps.
    """
    length = schedule.length
    for name in ("steps", "inversion_steps"):
        if getattr(parameters, name, 1) > length:
            raise ValueError(
                f"{name} must be at most {length}, the number of timesteps of this model, got "
                f"{getattr(parameters, name)}."
            )


def check_levels(parameters: Any, *names: str) -> None:
    """Refuse parameters that are not noise levels.

    Raises:
        ValueError: A value is not from 0 to 1; the message names the parameter.
    """
    for name in names:
        if not 0 <= getattr(parameters, name) <= 1:
            raise ValueError(
                f"{name} must be a noise level from 0 (clean) to 1 (pure noise), got "
                f"{getattr(parameters, name):g}."
            )
