"""What a process shares: random states, switches of torch, working folder, environment."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

Switch = tuple[Callable[[], bool], Callable[[bool], None]]
ATTENTION: tuple[Switch, ...] = (
    (torch.backends.cuda.flash_sdp_enabled, torch.backends.cuda.enable_flash_sdp),
    (torch.backends.cuda.mem_efficient_sdp_enabled, torch.backends.cuda.enable_mem_efficient_sdp),
    (torch.backends.cuda.math_sdp_enabled, torch.backends.cuda.enable_math_sdp),
)
SIGNALS = (signal.SIGINT, signal.SIGTERM)
PYTHON = "random state of Python"
RANDOM = ("random state of numpy", "random state of torch")
ON_GPU = "random state of torch on the GPU"


def surroundings() -> dict[str, Any]:
    """Everything that a method could leave changed behind it, by its name in words."""
    found: dict[str, Any] = {
        PYTHON: repr(random.getstate()),
        RANDOM[0]: _numpy_state(),
        RANDOM[1]: torch.get_rng_state().numpy().tobytes(),
        "torch's default dtype": torch.get_default_dtype(),
        "torch's default device": torch.get_default_device(),
        "torch's gradient mode": torch.is_grad_enabled(),
        "torch's inference mode": torch.is_inference_mode_enabled(),
        "torch's autocast": torch.is_autocast_enabled("cpu"),
        "torch's autocast on the GPU": torch.is_autocast_enabled("cuda"),
        "torch.use_deterministic_algorithms": torch.are_deterministic_algorithms_enabled(),
        "cudnn.deterministic": torch.backends.cudnn.deterministic,
        "cudnn.benchmark": torch.backends.cudnn.benchmark,
        "cudnn.allow_tf32": torch.backends.cudnn.allow_tf32,
        "torch's matmul precision": torch.get_float32_matmul_precision(),
        "torch's number of threads": torch.get_num_threads(),
        "torch's kinds of attention": tuple(asked() for asked, _ in ATTENTION),
        "handlers of signals": tuple(signal.getsignal(one) for one in SIGNALS),
        "numpy's error handling": tuple(sorted(np.geterr().items())),
        "working folder": _folder(),
    }
    if torch.cuda.is_initialized():
        found[ON_GPU] = tuple(one.numpy().tobytes() for one in torch.cuda.get_rng_state_all())
    return found | {f"environment variable {name}": value for name, value in os.environ.items()}


def _folder() -> str:
    try:
        return os.getcwd()
    except OSError:
        return ""  # it is no more


def _numpy_state() -> tuple[Any, ...]:
    state = np.random.get_state(legacy=False)
    return state["state"]["key"].tobytes(), state["state"]["pos"], state["has_gauss"]


def stir(number: int) -> None:
    """Put every global random state elsewhere, so that what draws from one shows."""
    random.seed(number)
    np.random.seed(number)
    torch.manual_seed(number)


def put_back(before: dict[str, Any]) -> None:
    """Undo what a method left changed, so that the next check is not judged by it.

    Random states stay where they are: the next call stirs them.
    """
    torch.set_default_dtype(before["torch's default dtype"])
    torch.set_grad_enabled(before["torch's gradient mode"])
    if torch.get_default_device() != before["torch's default device"]:
        torch.set_default_device(None)
    torch.use_deterministic_algorithms(before["torch.use_deterministic_algorithms"])
    torch.backends.cudnn.deterministic = before["cudnn.deterministic"]
    torch.backends.cudnn.benchmark = before["cudnn.benchmark"]
    torch.backends.cudnn.allow_tf32 = before["cudnn.allow_tf32"]
    torch.set_float32_matmul_precision(before["torch's matmul precision"])
    if torch.get_num_threads() != before["torch's number of threads"]:
        torch.set_num_threads(before["torch's number of threads"])
    for on, (_, enable) in zip(before["torch's kinds of attention"], ATTENTION, strict=True):
        enable(on)
    for number, handler in zip(SIGNALS, before["handlers of signals"], strict=True):
        if signal.getsignal(number) is not handler:
            signal.signal(number, handler)
    np.seterr(**dict(before["numpy's error handling"]))
    if before["working folder"]:
        os.chdir(before["working folder"])
    kept = "environment variable "
    earlier = {name.removeprefix(kept): v for name, v in before.items() if name.startswith(kept)}
    for name in set(os.environ) - set(earlier):
        del os.environ[name]
    os.environ.update(earlier)
