"""Laws on weights and memory."""

from __future__ import annotations

import re
from itertools import pairwise

from smmbench.contract.findings import Verdict, broken, kept, skipped, warning
from smmbench.contract.trial import Trial
from smmbench.contract.walking import networks
from smmbench.video import Video

LEAST = 2**20
"""Bytes that each call must keep to be called a leak."""

NOISE = 2**23
"""The same for the memory of the process, which moves a little for many reasons."""


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
    calls = [
        one
        for one in trial.memory
        if one.stage.startswith("transfer of ") and not one.stage.endswith("by a fresh one")
    ]
    if len(calls) < 4:
        return skipped("there were too few transfers to tell.")
    series = {
        "by what the method holds": [one.held for one in calls],
        "of the process": [one.resident for one in calls],
    }
    least = {"by what the method holds": LEAST, "of the process": NOISE, "on the GPU": LEAST}
    least["of the process"] += _size(trial)  # the trial keeps each video
    if trial.device.startswith("cuda"):
        series["on the GPU"] = [one.allocated for one in calls]
    for where, held in series.items():
        growth = [later - earlier for earlier, later in pairwise(held[1:])]
        if min(growth) >= least[where]:
            return broken(
                f"memory {where} grew in each of {len(growth)} transfers, by "
                f"{_mib(sum(growth) / len(growth))} each.",
                "Keep no results, latents or graphs on `self`; compute under torch.no_grad().",
            )
    return kept(
        f"it does not grow with transfers; at the highest {_mib(max(one.peak for one in calls))}."
    )


def _size(trial: Trial) -> int:
    given = trial.transfer(trial.world.first).given
    return given.frames.nbytes if isinstance(given, Video) else 0


def _mib(size: int | float) -> str:
    return f"{size / 2**20:.0f} MiB"
