"""All laws in the order in which they are tried."""

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
class Law:
    """One thing that a method must keep.

    Attributes:
        name: Short, as tables have it.
        check: Tries it: on the class if it is `declared`, else on a trial.
        declared: Whether nothing is run.
        quick: Whether it is tried in a quick check too.
    """

    name: str
    check: Callable[[Any], Verdict]
    declared: bool = False
    quick: bool = True

    @property
    def text(self) -> str:
        """The law in a sentence."""
        return (self.check.__doc__ or "").split("\n")[0]


Declared = Callable[[type[Method[Any, Any]]], Verdict]
Tried = Callable[[Trial], Verdict]

LAWS = (
    Law("class", declared.is_method, declared=True),
    Law("parameters", declared.parameters, declared=True),
    Law("presets", declared.presets, declared=True),
    Law("card", declared.card, declared=True),
    Law("runs", output.runs),
    Law("video", output.video),
    Law("repeats", repeating.repeats),
    Law("seeds", repeating.seeds),
    Law("prompt", repeating.prompts),
    Law("own pixels", output.own_pixels),
    Law("weights", costs.weights),
    Law("order", repeating.order, quick=False),
    Law("batch", together.batches, quick=False),
    Law("fresh", repeating.fresh, quick=False),
    Law("unusual", requests.unusual, quick=False),
    # These read what the calls of the others did.
    Law("prepared", leaving.prepared),
    Law("source", leaving.source),
    Law("networks", leaving.model),
    Law("surroundings", leaving.surroundings),
    Law("handed over", output.handed_over),
    Law("memory", costs.memory),
)
"""What `smmbench methods check` tries."""
