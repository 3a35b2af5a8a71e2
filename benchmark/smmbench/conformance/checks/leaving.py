"""Checks of side effects; they run last, because the other checks make the calls."""

from __future__ import annotations

from smmbench.conformance.findings import Verdict, broken, kept
from smmbench.conformance.trial import Trial, What
from smmbench.conformance.watch.fingerprint import some
from smmbench.conformance.watch.surroundings import ON_GPU, RANDOM


def prepared(trial: Trial) -> Verdict:
    """`transfer` does not modify the result of `prepare`."""
    return _untouched(
        trial,
        "prepared",
        "the result of prepare",
        "Other prompts and seeds share it: work on a copy (`prepared.clone()`, `.copy()`).",
    )


def source(trial: Trial) -> Verdict:
    """The source's pixels and caption are not modified."""
    return _untouched(
        trial,
        "source",
        "the source",
        "Other methods and metrics read the same array: work on `frames.copy()`.",
    )


def model(trial: Trial) -> Verdict:
    """The method's networks keep their weights, layers, hooks and modes."""
    return _untouched(
        trial,
        "networks",
        "a network",
        "Remove hooks in a `finally` (or use smmbench.diffusion.capture), train copies or "
        "adapters, and undo them before the call ends.",
    )


def surroundings(trial: Trial) -> Verdict:
    """Random states, settings of torch, working folder and environment are not changed."""
    called: set[str] = set()
    for change in trial.changes:
        places = list(change.places)
        if change.what != "surroundings":
            continue
        kind = change.stage.split()[0]
        if "building" in change.stage:  # importing libraries sets variables and draws
            places = [name for name in places if name not in (*RANDOM, ON_GPU)]
        if "building" in change.stage or kind not in called:  # as they do at the first call
            places = [name for name in places if not name.startswith("environment")]
        called.add(kind)
        if not places:
            continue
        drawn = any(name in (*RANDOM, ON_GPU) for name in places)
        return broken(
            f"{change.stage} leaves changed: {some(places)}.",
            "Use a generator of your own (`torch.Generator`, `np.random.default_rng`) or "
            "`torch.random.fork_rng()`."
            if drawn
            else "Restore it in a `finally`: other methods run in the same process.",
        )
    # Type checkers draw from Python's generator, which does no harm. Who seeds it leaves the same
    # state after two calls that began with different ones.
    left = [state for stage, state in trial.random_after.items() if stage.startswith("transfer")]
    if len(set(left)) < len(left):
        return broken(
            "transfer seeds Python's global generator and does not restore it.",
            "Use a generator of your own: `random.Random(seed)`.",
        )
    return kept("random states, torch's settings, folder and environment are unchanged.")


def _untouched(trial: Trial, what: What, called: str, advice: str) -> Verdict:
    for change in trial.changes:
        if change.what == what:
            return broken(f"{change.stage} changed {called}: {some(list(change.places))}.", advice)
    return kept(f"{called} was not changed.")
