"""Check of batches: the same videos as one at a time."""

from __future__ import annotations

from dataclasses import replace

from smmbench.conformance.checks.repeating import apart, between, mean_difference
from smmbench.conformance.findings import Verdict, broken, kept, skipped
from smmbench.conformance.trial import Made, Trial
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
        return kept("it does not implement batches.")
    first = trial.world.first  # one clip twice, as a run with several prompts and seeds asks
    asked = [first, between(trial), replace(first, prompt=trial.world.prompts[1], seed=1)]
    single = [trial.transfer(request) for request in asked]
    made = trial.batch(asked)
    if len(made) != len(asked) or not all(isinstance(one, Video) for one in made):
        told = ", ".join(type(one).__name__ for one in made)
        return broken(
            f"transfer_batch returns {len(made)} values ({told}) for {len(asked)} requests.",
            "Return one Video for each request, in order.",
        )
    if not all(one.pixels for one in single):
        return skipped("there is no Video.")
    if mean_difference(single[0], trial.transfer(asked[0], "again")) > 0:
        return skipped("the same request does not repeat, so nothing can be told.")
    scale = mean_difference(single[0], single[1])
    for one, alone, request in zip(made, single, asked, strict=True):
        together = Made(one, "", 0.0)
        if mean_difference(together, alone) > max(1.0, NEAR * scale):
            return broken(
                f"in a batch, {request} gives another video than alone: {apart(together, alone)}.",
                "A video may depend only on its own clip, prompt and seed; draw the noise of each "
                "from its own generator.",
            )
    return kept(f"{len(asked)} requests together give the same videos as each alone.")
