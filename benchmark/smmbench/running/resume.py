"""Resuming: what an earlier run has completed, and whether its settings are the same."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from smmbench.dataset import Dataset
from smmbench.errors import BrokenFileError
from smmbench.results import (
    VIDEO,
    RunRecord,
    find_records,
    identity_of,
    method_folder,
)
from smmbench.running.job import Job
from smmbench.running.pairs import Pair

State = Literal["done", "failed", "missing"]
Key = tuple[str, str, int]  # clip, edit, seed


@dataclass(frozen=True)
class Standing:
    """The state of a run on disk.

    Attributes:
        states: State of each pair, in order.
        weights: SHA-256 of the weights used so far; empty if nothing is done.
    """

    states: tuple[State, ...]
    weights: dict[str, str]


def standing(job: Job, dataset: Dataset, pairs: Sequence[Pair]) -> Standing:
    """Determine for each pair whether its video exists.

    All results under one label and dataset must have the same settings: one row of the board is
    one method with one set of parameters. So a completed record that differs is rejected, whether
    its pair was chosen or not; records that the job replaces are ignored.

    Args:
        job: The job.
        dataset: The job's dataset.
        pairs: All chosen pairs, before they are distributed over several runs.

    Raises:
        ValueError: A result under this label has other settings; the message lists them.
    """
    keys = [(pair.clip.name, pair.edit.name, pair.seed) for pair in pairs]
    found: dict[Key, State] = {}
    weights: dict[str, str] = {}
    for key, record, has_video in _earlier(job, dataset):
        if key in job.remade:
            continue
        if record.status == "failed":
            found[key] = "failed"
            continue
        _refuse_other(job, dataset, record)
        weights |= record.weights
        found[key] = "done" if has_video else "missing"
    return Standing(tuple(found.get(key, "missing") for key in keys), weights)


def refuse_other_weights(job: Job, dataset: Dataset, weights: dict[str, str]) -> None:
    """Refuse weights that a row's videos were not made with; weights are known only once loaded.

    Args:
        job: What runs; it knows the weights of what was there when it was planned.
        dataset: The job's dataset.
        weights: SHA-256 of those loaded; empty if none are yet.

    Raises:
        ValueError: They are others, or something was made otherwise since the run was planned.
    """
    planned, now = job.weights, standing(job, dataset, ()).weights
    for name, sha256 in weights.items():
        if {planned.get(name, sha256), now.get(name, sha256)} != {sha256}:
            raise ValueError(
                f"The results of '{job.label}' in '{job.root}' were made with other weights of "
                f"'{name}'. Use --label NAME for a separate row, or --overwrite."
            )


def _earlier(job: Job, dataset: Dataset) -> Iterator[tuple[Key, RunRecord, bool]]:
    folder = method_folder(job.root, job.label) / dataset.manifest.name
    if folder.is_dir():
        for place, record in find_records(folder, _made_again):
            request = record.request
            if request.reference != job.reference:
                continue
            has_video = (place / VIDEO).is_file()
            yield (request.clip, request.edit, request.seed), record, has_video


def _made_again(folder: Path, error: ValueError) -> None:
    """Treat an unreadable record as missing; one of a later smmbench is left alone."""
    if not isinstance(error, BrokenFileError):
        raise error


def _refuse_other(job: Job, dataset: Dataset, record: RunRecord) -> None:
    """Reject additions to a row with other settings than the rest of it."""
    if differing := list(differences(job, dataset, record)):
        raise ValueError(
            f"The results of '{job.label}' on '{dataset.manifest.name}' in '{job.root}' have other "
            f"settings: {'; '.join(differing)}. Use --label NAME for a separate row, or "
            "--overwrite without --limit, --clip, --edit and --seed to regenerate the whole row."
        )


def differences(job: Job, dataset: Dataset, record: RunRecord) -> Iterator[str]:
    """In what a record differs from what a job would write, in words."""
    manifest, request = dataset.manifest, record.request
    entry = job.method.entry
    if record.entry != entry:
        yield f"method was {record.entry or 'another tool'}, now {entry}"
    yield from _other_parameters(job, record)
    if identity_of(record) != record.parameters_sha256:
        yield "the record was changed by hand"
    if request.dataset_version != manifest.version:
        yield f"dataset version was {request.dataset_version}, now {manifest.version}"
    for clip in manifest.clips:
        if clip.name == request.clip:
            if clip.pixels_sha256 != record.source_sha256:
                yield f"the pixels of clip {clip.name} have changed"
            for edit in clip.edits:
                if edit.name == request.edit and edit.prompt != record.prompt:
                    yield f"prompt {clip.name}/{edit.name} was {record.prompt!r}"


def _other_parameters(job: Job, record: RunRecord) -> Iterator[str]:
    """Each parameter that differs; the location of weights is ignored if their hash is known."""
    checkpoints = job.method.implementation.checkpoints
    if record.weights and checkpoints and not record.checkpoints:
        yield (
            "an earlier smmbench hashed the files of weights instead of the weights themselves, "
            "so they cannot be compared"
        )
    parameters = job.recorded_parameters
    hashed = record.checkpoints if record.weights else ()
    for name in sorted({*record.parameters, *parameters} - {*hashed}):
        there, now = _value(record.parameters, name), _value(parameters, name)
        if there != now:
            yield f"{name} was {there}, now {now}"


def _value(parameters: dict[str, Any], name: str) -> str:
    return repr(parameters[name]) if name in parameters else "absent"
