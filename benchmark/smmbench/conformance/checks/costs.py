"""Checks on weights and memory."""

from __future__ import annotations

import re
from dataclasses import replace

from smmbench.conformance.findings import Verdict, broken, kept, skipped, warning
from smmbench.conformance.trial import NoVideoError, RaisedError, Trial
from smmbench.conformance.watch.walking import networks
from smmbench.video import Video

LEAST = 2**20
"""Bytes that each call must retain to count as a leak."""

NOISE = 2**22
"""The same for the memory of the process, which not only the method uses."""

GROWTHS = 8
"""Consecutive growths that count as a leak: a bounded cache has levelled off by then.

If the system reports only the size of the process, fewer growths could occur by chance: without a
leak that size fluctuates, by 100 MiB if a network runs.
"""

SEEDS = 1000
"""Index from which requests are new: anything retained per request is retained for each."""


def weights(trial: Trial) -> Verdict:
    """`weights()` returns a SHA-256 for each weights file by a readable name."""
    method = trial.instance()
    try:
        given = method.weights()
    except Exception as error:
        return broken(
            f"weights() raises {type(error).__name__}: {error}", "Return {} if nothing is loaded."
        )
    if not isinstance(given, dict) or not all(
        isinstance(name, str) and re.fullmatch("[0-9a-f]{64}", str(digest))
        for name, digest in given.items()
    ):
        return broken(
            f"weights() returns {str(given)[:200]}.",
            "Return a dict from a readable name to a SHA-256 of 64 hexadecimal digits.",
        )
    if not given and any(list(one.parameters()) for one in networks(method).values()):
        return warning(
            "the method contains networks, but weights() names none.",
            "Return the SHA-256 of the loaded files, by smmbench.storage.home.file_sha256.",
        )
    if not given:
        return kept("it names no weights.")
    return kept(f"the weights of {len(given)} part{'s' * (len(given) != 1)} are named.")


def memory(trial: Trial) -> Verdict:
    """Memory does not grow from one transfer to the next."""
    fields = {
        "held": ("by what the method holds", LEAST),
        "allocated": ("on the GPU", LEAST),
        "used": ("of the process", NOISE + _size(trial)),  # the trial keeps each video
    }
    first = last = trial.memory[-1]
    for seed in range(GROWTHS):
        before = last
        try:
            trial.transfer(replace(trial.world.first, seed=SEEDS + seed))
        except RaisedError as failure:
            if isinstance(failure.error, NoVideoError):  # spoilt before: other checks say so
                return skipped("a request returned no video, so this cannot be checked.")
            raise
        last = trial.memory[-1]
        fields = {
            name: told
            for name, told in fields.items()
            if getattr(last, name) - getattr(before, name) >= told[1]
        }
        if not fields:
            highest = max(one.peak for one in trial.memory)
            return kept(f"it does not grow with transfers; the peak is {_mib(highest)}.")
    name, (where, _) = next(iter(fields.items()))
    growth = (getattr(last, name) - getattr(first, name)) / GROWTHS
    return broken(
        f"memory {where} grew in each of {GROWTHS} transfers, by {_mib(growth)} each.",
        "Keep no results, latents or graphs on `self`; compute under torch.no_grad().",
    )


def _size(trial: Trial) -> int:
    given = trial.transfer(trial.world.first).given
    return given.frames.nbytes if isinstance(given, Video) else 0


def _mib(size: int | float) -> str:
    return f"{size / 2**20:.0f} MiB"
