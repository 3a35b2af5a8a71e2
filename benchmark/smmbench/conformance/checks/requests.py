"""Check of unusual requests: they give a video or a clear error, and have no after-effects."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from smmbench.conformance.checks.repeating import same
from smmbench.conformance.findings import Verdict, broken, kept, skipped, warning
from smmbench.conformance.trial import NoVideoError, RaisedError, Trial, shortened
from smmbench.conformance.watch.limits import TimeUpError
from smmbench.conformance.world import Request
from smmbench.method import Source

INNER = (
    KeyError, IndexError, AttributeError, TypeError, AssertionError, ZeroDivisionError, NameError,
)  # fmt: skip


def unusual(trial: Trial) -> Verdict:
    """Unusual requests give a video or a clear error, and the method remains usable."""
    first, doubtful, raised = trial.world.first, "", []
    for called, source, request in requests(trial):
        try:
            trial.attempt(source, request, called)
        except RaisedError as failure:
            error = failure.error
            if isinstance(error, NoVideoError):
                return broken(
                    f"for {called}, {failure}.",
                    "Return a Video as long as the clip, or raise an Exception that says why not.",
                )
            if isinstance(error, (TimeUpError, SystemExit)):
                return broken(
                    f"for {called}, {failure}.",
                    "Raise an Exception: it becomes a failed pair, and the run continues.",
                )
            raised.append(called)
            if isinstance(error, INNER) or not str(error).strip():
                doubtful = f"for {called}, {failure}."
    before = trial.transfer(first)
    if not before.pixels:
        return skipped("there is no Video.")
    earlier = {trial.transfer(first, turn).pixels for turn in ("", "again", "after another clip")}
    alike = len(earlier) == 1  # else another check says so
    if alike and not same(trial, before, trial.transfer(first, "after unusual requests")):
        return broken(
            "after unusual requests, the first request gives another video.",
            "Restore all state when a call raises an error (`try ... finally`).",
        )
    if doubtful:
        return warning(
            doubtful, "Raise a ValueError that states what was given and what is accepted."
        )
    refused = f"; rejected with a message: {', '.join(raised)}" if raised else ""
    return kept(f"each gave a video or a clear error{refused}.")


def requests(trial: Trial) -> Iterator[tuple[str, Source, Request]]:
    """Name, source and request of each."""
    source, first = trial.world.source(0), trial.world.first
    yield "an empty prompt", source, replace(first, prompt="")
    yield "a prompt of 400 words", source, replace(first, prompt="a very long way " * 100)
    unicode = "un café, 一只猫 🐈\n\t'quoted' \\ {braces}"
    yield "a prompt in Unicode", source, replace(first, prompt=unicode)
    yield "the largest seed", source, replace(first, seed=2**32 - 1)
    yield "a clip of two frames", shortened(source, 2), first
