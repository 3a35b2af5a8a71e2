"""Checks that a video depends only on clip, prompt and seed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from smmbench.conformance.another_process import made_elsewhere
from smmbench.conformance.findings import Verdict, broken, kept, skipped, warning
from smmbench.conformance.trial import Made, Trial
from smmbench.conformance.world import Request

DRAW = (
    "Draw random numbers only from the seed: `np.random.default_rng(seed)`, "
    "`torch.Generator(device).manual_seed(seed)`."
)

ROUNDING = 1.0
"""Grey levels on average up to which a GPU's rounding may be the cause."""


def repeats(trial: Trial) -> Verdict:
    """The same prepared clip, prompt and seed give the same video."""
    first, again = trial.transfer(trial.world.first), trial.transfer(trial.world.first, "again")
    if not first.pixels:
        return skipped("there is no Video.")
    if first.pixels == again.pixels:
        return kept("the same request gave the same pixels twice.")
    if same(trial, first, again):
        return _rounded(trial, "the same request", apart(first, again))
    return broken(f"the same request gave two videos: {apart(first, again)}.", DRAW)


def seeds(trial: Trial) -> Verdict:
    """Another seed gives another video, unless the class is declared deterministic."""
    first = trial.transfer(trial.world.first)
    other = trial.transfer(replace(trial.world.first, seed=1))
    if not first.pixels:
        return skipped("there is no Video.")
    said = trial.method.deterministic
    if first.pixels != other.pixels:
        if said and _repeats(trial):
            return warning(
                f"the class is `deterministic`, but seeds 0 and 1 differ: {apart(first, other)}.",
                "Remove `deterministic = True`.",
            )
        return kept(f"seeds 0 and 1 differ: {apart(first, other)}.")
    if said:
        return warning(
            "seeds make no difference, as the class declares (`deterministic`).",
            "On the board, the spread over its seeds is 0 and has no meaning.",
        )
    return broken(
        "seeds 0 and 1 gave the same video.",
        f"{DRAW} If it uses no random numbers, set `deterministic = True` in the class.",
    )


def prompts(trial: Trial) -> Verdict:
    """Another prompt gives another video."""
    first = trial.transfer(trial.world.first)
    other = trial.transfer(replace(trial.world.first, prompt=trial.world.prompts[1]))
    if not first.pixels:
        return skipped("there is no Video.")
    if not _repeats(trial):
        return skipped("the same request does not repeat, so nothing can be told.")
    two = " and ".join(f"'{prompt}'" for prompt in trial.world.prompts)
    if first.pixels != other.pixels:
        return kept(f"{two} differ: {apart(first, other)}.")
    if trial.control:
        return warning(f"{two} gave the same video.", "This is correct for a control.")
    return broken(
        f"{two} gave the same video: the prompt is not used.",
        "Use `prompt` in transfer, not the source's caption. A control that ignores it declares "
        'kind="control" on its card.',
    )


def order(trial: Trial) -> Verdict:
    """Requests in between do not change a result."""
    if not _repeats(trial):
        return skipped("the same request does not repeat, so nothing can be told.")
    first = trial.transfer(trial.world.first)
    trial.transfer(between(trial))
    later = trial.transfer(trial.world.first, "after another clip")
    if first.pixels == later.pixels:
        return kept("a request gives the same video before and after one for another clip.")
    if same(trial, first, later):
        return _rounded(trial, "the first request after another clip", apart(first, later))
    return broken(
        f"after another clip was prepared and transferred, the first request gives another video: "
        f"{apart(first, later)}.",
        "Store the state of a clip in the result of `prepare`, not on `self` or in globals.",
    )


def fresh(trial: Trial) -> Verdict:
    """A new instance, and another process, give the same video, so that runs can resume."""
    if not _repeats(trial):
        return skipped("the same request does not repeat, so nothing can be told.")
    first = trial.transfer(trial.world.first)
    anew = trial.transfer(trial.world.first, which="fresh")
    if not same(trial, first, anew):
        return broken(
            f"a fresh instance gives another video: {apart(first, anew)}.",
            "Load weights, or draw them from a fixed seed, so that a resumed run gives the same.",
        )
    rounded = first.pixels != anew.pixels
    if trial.reference:
        elsewhere, why = made_elsewhere(trial)
        if elsewhere is None:
            return warning(
                f"it could not be run in another process: {why}.",
                "A resumed run starts in a new process, and must give the same result there.",
            )
        if not same(trial, first, elsewhere):
            return broken(
                f"another process gives another video: {apart(first, elsewhere)}.",
                "Use no random numbers on import, and seed by `zlib.crc32` or `hashlib`: "
                "`hash()` of a text differs between processes.",
            )
        if first.pixels != elsewhere.pixels:
            anew, rounded = elsewhere, True
    if rounded:
        return _rounded(trial, "a fresh instance or process", apart(first, anew))
    asked = " and another process" if trial.reference else ""
    return kept(f"a fresh instance{asked} gave the same pixels.")


def same(trial: Trial, one: Made, other: Made) -> bool:
    """Whether two videos are the same: to the pixel on a CPU, to rounding on a GPU."""
    rounded = trial.device != "cpu" and mean_difference(one, other) <= ROUNDING
    return one.pixels == other.pixels or rounded


def _rounded(trial: Trial, what: str, how_far: str) -> Verdict:
    return warning(
        f"{what} gave another video on {trial.device}, to rounding: {how_far}.",
        "Some GPU kernels round differently each time; check whether it repeats on the CPU.",
    )


def between(trial: Trial) -> Request:
    """The request of another clip."""
    return Request(1, trial.world.prompts[1], 1)


def apart(one: Made, other: Made) -> str:
    """Describe how much two videos differ."""
    a, b = one.given.frames, other.given.frames
    if a.shape != b.shape:
        return f"shapes {a.shape} and {b.shape}"
    return (
        f"{100 * (a != b).mean():.3g} % of values, {mean_difference(one, other):.3g} of 255 on "
        "average"
    )


def mean_difference(one: Made, other: Made) -> float:
    """Mean absolute difference of two videos, in grey levels; infinite for other shapes."""
    a, b = one.given.frames, other.given.frames
    return float(np.abs(a.astype(np.int16) - b).mean()) if a.shape == b.shape else float("inf")


def _repeats(trial: Trial) -> bool:
    again = trial.transfer(trial.world.first, "again")
    return trial.transfer(trial.world.first).pixels == again.pixels
