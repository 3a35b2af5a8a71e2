"""What is to run, in plain values that can travel to another process."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from smmbench.method.parameters import parameters_to_json
from smmbench.resolving import ResolvedMethod
from smmbench.results import Reference, Tuning, recorded_parameters


@dataclass(frozen=True)
class Job:
    """All that a worker must know to make videos.

    Attributes:
        method: The method.
        parameters: An instance of its `Parameters`.
        label: The method's name on the board.
        dataset: A dataset's name or the path of its manifest.
        root: The results folder.
        device: Where to compute.
        weights: SHA-256 of weights that earlier results of this label were made with.
        batch: Pairs made at once, at most, where the method can do more than one.
        executor: Who makes them: `local`, `ray`.
        reference: The motion that the method is given.
        tuning: The search that chose the parameters, if it was one.
        remade: Clip, edit and seed of pairs whose earlier results are replaced, however they were
            made.
    """

    method: ResolvedMethod
    parameters: Any
    label: str
    dataset: str
    root: Path
    device: str
    weights: dict[str, str] = field(default_factory=dict)
    batch: int = 1
    executor: str = "local"
    reference: Reference = "forward"
    tuning: Tuning | None = None
    remade: frozenset[tuple[str, str, int]] = frozenset()

    @property
    def recorded_parameters(self) -> dict[str, Any]:
        """All parameters, as records have them."""
        checkpoints = self.method.implementation.checkpoints
        return recorded_parameters(parameters_to_json(self.parameters), checkpoints)
