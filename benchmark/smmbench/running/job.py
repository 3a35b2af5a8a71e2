"""The description of a run in plain values, which can be sent to another process."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from smmbench.method.parameters import parameters_to_json
from smmbench.resolving import ResolvedMethod
from smmbench.results import Reference, Tuning, recorded_parameters


@dataclass(frozen=True)
class Job:
    """Everything that a worker must know to generate videos.

    Attributes:
        method: The method.
        parameters: An instance of its `Parameters`.
        label: The method's name on the board.
        dataset: A dataset's name or the path of its manifest.
        root: The results folder.
        device: The device on which to compute.
        weights: SHA-256 of the weights used for earlier results of this label.
        batch: Maximum number of pairs in a batch, if the method supports batches.
        executor: `local` or `ray`.
        reference: The motion that the method is given.
        tuning: The search that chose the parameters, if any.
        deterministic: Whether PyTorch uses deterministic kernels only.
        remade: Clip, edit and seed of pairs whose earlier results are replaced, whatever their
            settings.
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
    deterministic: bool = False
    remade: frozenset[tuple[str, str, int]] = frozenset()

    @property
    def recorded_parameters(self) -> dict[str, Any]:
        """All parameters, as stored in records."""
        checkpoints = self.method.implementation.checkpoints
        return recorded_parameters(parameters_to_json(self.parameters), checkpoints)
