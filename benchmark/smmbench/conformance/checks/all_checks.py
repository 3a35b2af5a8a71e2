"""All checks, in the order in which they run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from smmbench.conformance.checks import (
    costs,
    declared,
    leaving,
    output,
    repeating,
    requests,
    together,
)
from smmbench.conformance.findings import Verdict
from smmbench.conformance.trial import Trial
from smmbench.method import Method


@dataclass(frozen=True)
class Check:
    """One conformance check.

    Attributes:
        name: Short name for tables.
        verdict: Runs the check, on the class if it is `declared`, otherwise on a trial.
        declared: Whether the check runs no method.
        quick: Whether it is part of a quick check.
    """

    name: str
    verdict: Callable[[Any], Verdict]
    declared: bool = False
    quick: bool = True

    @property
    def text(self) -> str:
        """The check in a sentence."""
        return (self.verdict.__doc__ or "").split("\n")[0]


Declared = Callable[[type[Method[Any, Any]]], Verdict]
Tried = Callable[[Trial], Verdict]

CHECKS = (
    Check("class", declared.is_method, declared=True),
    Check("parameters", declared.parameters, declared=True),
    Check("presets", declared.presets, declared=True),
    Check("card", declared.card, declared=True),
    Check("runs", output.runs),
    Check("video", output.video),
    Check("repeats", repeating.repeats),
    Check("seeds", repeating.seeds),
    Check("prompt", repeating.prompts),
    Check("own pixels", output.own_pixels),
    Check("weights", costs.weights),
    Check("order", repeating.order, quick=False),
    Check("batch", together.batches, quick=False),
    Check("fresh", repeating.fresh, quick=False),
    Check("unusual", requests.unusual, quick=False),
    # These read what the calls of the others did.
    Check("prepared", leaving.prepared),
    Check("source", leaving.source),
    Check("networks", leaving.model),
    Check("surroundings", leaving.surroundings),
    Check("handed over", output.handed_over),
    Check("memory", costs.memory),
)
"""The checks of `smmbench methods check`."""
