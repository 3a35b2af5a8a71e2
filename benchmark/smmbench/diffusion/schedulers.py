"""Convert the configuration of a published scheduler to a noise schedule, by the scheduler's class.

A scheduler supplies the prediction type, the spacing and the shift; the steps are ours, DDIM or
Euler, so that methods are compared on the same ones. Other classes are refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from smmbench.diffusion.alpha_bar import AlphaBarSchedule
from smmbench.diffusion.flow import FlowSchedule
from smmbench.diffusion.schedule import NoiseSchedule

ALPHA_BAR = (
    "DDIMScheduler",
    "DDPMScheduler",
    "PNDMScheduler",
    "LMSDiscreteScheduler",
    "EulerDiscreteScheduler",
    "EulerAncestralDiscreteScheduler",
    "HeunDiscreteScheduler",
    "DPMSolverMultistepScheduler",
    "DPMSolverSinglestepScheduler",
    "DEISMultistepScheduler",
    "UniPCMultistepScheduler",
)
"""They have integer timesteps and state betas, as DDIM does."""

COGVIDEOX = ("CogVideoXDDIMScheduler", "CogVideoXDPMScheduler")
FLOW = "FlowMatchEulerDiscreteScheduler"
BETAS = ("beta_schedule", "trained_betas")
"""Options of which one defines a model's noise levels."""


def read_schedule(config: Mapping[str, Any], model: str) -> NoiseSchedule:
    """The noise schedule of a scheduler's configuration.

    Args:
        config: Content of `scheduler_config.json`.
        model: Name of the model in an error.

    Raises:
        ValueError: Its class is not supported, or does not fix the noise levels; the message names
            the class and what is supported.
    """
    name = str(config.get("_class_name") or "")
    check_scheduler(name, config, model)
    if name == FLOW:
        return _flow(config, "shift")
    if is_flow(config):
        return _flow(config, "flow_shift")
    values = {key: value for key, value in config.items() if key[0] != "_"}
    try:
        if name in COGVIDEOX:
            import diffusers  # takes seconds: only where a model is loaded

            untyped: Any = diffusers
            scheduler = untyped.CogVideoXDDIMScheduler.from_config(values)
            return AlphaBarSchedule.from_scheduler(scheduler)
        return AlphaBarSchedule.from_config(values)
    except (NotImplementedError, TypeError, KeyError) as error:
        raise ValueError(f"{model}: not a schedule that DDIM can follow: {error}") from error


def is_flow(config: Mapping[str, Any]) -> bool:
    """Whether a scheduler of another class is configured for flow matching."""
    return bool(config.get("use_flow_sigmas") or config.get("prediction_type") == "flow_prediction")


def check_scheduler(name: str, config: Mapping[str, Any], model: str) -> None:
    """Refuse a scheduler whose noise levels cannot be derived from its class and configuration.

    Args:
        name: Name of its class.
        config: Its configuration; empty if only the class is known so far.
        model: Name of the model in an error.

    Raises:
        ValueError: It is refused.
    """
    if name not in (*ALPHA_BAR, *COGVIDEOX, FLOW):
        raise ValueError(
            f"The scheduler class of '{model}' is {name or 'not stated (_class_name)'}, which "
            f"is not supported; supported are {', '.join((*ALPHA_BAR, *COGVIDEOX, FLOW))}."
        )
    if not config:
        return
    for option in ("use_dynamic_shifting", "invert_sigmas", "shift_terminal"):
        if config.get(option):
            raise ValueError(
                f"The scheduler of '{model}' ({name}) has {option}={config[option]}, which makes "
                "its noise levels depend on the size or end elsewhere; only a fixed shift is "
                "supported."
            )
    flow = name == FLOW or is_flow(config)
    if not flow and not any(config.get(key) is not None for key in BETAS):
        raise ValueError(
            f"The scheduler of '{model}' ({name}) states neither its betas "
            f"({' or '.join(BETAS)}) nor a flow (use_flow_sigmas): its noise levels are unknown."
        )


def _flow(config: Mapping[str, Any], key: str) -> FlowSchedule:
    length = config.get("num_train_timesteps")
    return FlowSchedule(float(config.get(key) or 1.0), int(1000 if length is None else length))
