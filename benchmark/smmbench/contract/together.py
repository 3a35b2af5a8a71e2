"""Law on batches: the same videos as one at a time."""

from __future__ import annotations

import numpy as np

from smmbench.contract.findings import Verdict, broken, kept, skipped
from smmbench.contract.repeating import apart, between
from smmbench.contract.trial import Made, Trial
from smmbench.method import Method
from smmbench.video import Video

NEAR = 0.1
"""A video of a batch is at most this share of the way from its own to another one."""


def batches(trial: Trial) -> Verdict:
    """`prepare_batch` and `transfer_batch` give what `prepare` and `transfer` give, to rounding."""
    own = [
        name
        for name in ("prepare_batch", "transfer_batch")
        if getattr(trial.method, name) is not getattr(Method, name)
    ]
    if not own:
        return kept("it has no batch form of its own.")
    asked = [trial.world.first, between(trial)]
    single = [trial.transfer(request) for request in asked]
    made = trial.batch(asked)
    if len(made) != len(asked) or not all(isinstance(one, Video) for one in made):
        told = ", ".join(type(one).__name__ for one in made)
        return broken(
            f"transfer_batch gives {len(made)} values ({told}) for 2 requests.",
            "Give one Video for each request, in their order.",
        )
    if not all(one.pixels for one in single):
        return skipped("there is no Video.")
    if _distance(single[0].given, trial.transfer(asked[0], "again").given) > 0:
        return skipped("the same request does not repeat, so nothing can be told.")
    scale = _distance(single[0].given, single[1].given)
    for one, alone, request in zip(made, single, asked, strict=True):
        if _distance(one, alone.given) > max(1.0, NEAR * scale):
            return broken(
                f"in a batch, {request} gives another video than alone: "
                f"{apart(Made(one, '', 0.0), alone)}.",
                "A video may depend on its own clip, prompt and seed only; draw noise for each "
                "from its own generator.",
            )
    return kept("two requests together give what each gives alone.")


def _distance(one: Video, other: Video) -> float:
    """Mean absolute difference in grey levels; infinite for other shapes."""
    a, b = one.frames, other.frames
    return float(np.abs(a.astype(np.int16) - b).mean()) if a.shape == b.shape else float("inf")
