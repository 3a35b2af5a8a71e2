"""Laws on weights and memory."""

from __future__ import annotations

import re
from itertools import pairwise

from smmbench.contract.findings import Verdict, broken, kept, skipped, warning
from smmbench.contract.trial import Memory, Trial
from smmbench.contract.walking import networks
from smmbench.video import Video

LEAST = 2**20
"""Bytes that each call must keep to be called a leak."""

NOISE = 2**23
"""The same for the memory of the process, which allocators and threads move too."""

GROWTHS = 8
"""In a row, of the process, before they are called a leak.

Without a leak its size after a call swings about a level, by 100 MiB and more where a network runs:
two growths in a row, all that a quick check has, come by chance in 1 of 6, eight in 1 of 362,880.
"""


def weights(trial: Trial) -> Verdict:
    """`weights()` gives a SHA-256 for each weights file by a readable name."""
    method = trial.instance()
    try:
        given = method.weights()
    except Exception as error:
        return broken(
            f"weights() raises {type(error).__name__}: {error}", "Give {} if nothing is loaded."
        )
    if not isinstance(given, dict) or not all(
        isinstance(name, str) and re.fullmatch("[0-9a-f]{64}", str(digest))
        for name, digest in given.items()
    ):
        return broken(
            f"weights() gives {str(given)[:200]}.",
            "Give a dict from a readable name to a SHA-256 in 64 hexadecimal digits.",
        )
    if not given and any(list(one.parameters()) for one in networks(method).values()):
        return warning(
            "it holds networks, but weights() names none.",
            "Give the SHA-256 of what was loaded (smmbench.home.file_sha256): records need it.",
        )
    return kept(f"{len(given)} files of weights are named.")


def memory(trial: Trial) -> Verdict:
    """Memory does not grow from one transfer to the next."""
    if len(_transfers(trial)) < 4:
        return skipped("there were too few transfers to tell.")
    least = {
        "by what the method holds": LEAST,
        "on the GPU": LEAST,
        "of the process": NOISE + _size(trial),  # the trial keeps each video
    }
    for where, enough in least.items():
        growth = _growth(trial, where)
        while where == "of the process" and min(growth) >= enough and len(growth) < GROWTHS:
            trial.transfer(trial.world.first, f"for memory, {len(growth)}")
            growth = _growth(trial, where)
        if min(growth) >= enough:
            return broken(
                f"memory {where} grew in each of {len(growth)} transfers, by "
                f"{_mib(sum(growth) / len(growth))} each.",
                "Keep no results, latents or graphs on `self`; compute under torch.no_grad().",
            )
    highest = max(one.peak for one in _transfers(trial))
    return kept(f"it does not grow with transfers; at the highest {_mib(highest)}.")


def _transfers(trial: Trial) -> list[Memory]:
    """After each transfer of the first instance, in their order."""
    return [
        one
        for one in trial.memory
        if one.stage.startswith("transfer of ") and not one.stage.endswith("by a fresh one")
    ]


def _growth(trial: Trial, where: str) -> list[int]:
    """Bytes by which each transfer but the first two left more than the one before."""
    field = {
        "by what the method holds": "held",
        "on the GPU": "allocated",
        "of the process": "resident",
    }[where]
    levels = [getattr(one, field) for one in _transfers(trial)[1:]]
    return [later - earlier for earlier, later in pairwise(levels)]


def _size(trial: Trial) -> int:
    given = trial.transfer(trial.world.first).given
    return given.frames.nbytes if isinstance(given, Video) else 0


def _mib(size: int | float) -> str:
    return f"{size / 2**20:.0f} MiB"
