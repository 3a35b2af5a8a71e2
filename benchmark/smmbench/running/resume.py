"""What an earlier run has done already, and whether it may be gone on with."""

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
    """What lies on disk of a run.

    Attributes:
        states: Of each pair, in order.
        weights: SHA-256 of the weights that made what is done; empty if nothing is.
    """

    states: tuple[State, ...]
    weights: dict[str, str]


def standing(job: Job, dataset: Dataset, pairs: Sequence[Pair]) -> Standing:
    """Say of each pair whether its video is there.

    Everything done under one label and dataset must have been made in one way: one row of the
    board is one method with one set of parameters. So a done record that differs is refused,
    whether its pair was chosen or not; those that the job replaces do not count.

    Args:
        job: What is to run.
        dataset: The job's dataset.
        pairs: All that were chosen, before they are shared out to several runs.

    Raises:
        ValueError: Something under this label was made otherwise; the message says how.
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
    """Count a record that cannot be read as missing; one of a later smmbench is not touched."""
    if not isinstance(error, BrokenFileError):
        raise error


def _refuse_other(job: Job, dataset: Dataset, record: RunRecord) -> None:
    """Refuse to add to a row what is made in another way than the rest of it."""
    if differing := list(_differences(job, dataset, record)):
        raise ValueError(
            f"The results of '{job.label}' on '{dataset.manifest.name}' in '{job.root}' were made "
            f"otherwise: {'; '.join(differing)}. Use --label NAME for a row of its own, or "
            "--overwrite without --limit, --clip, --edit and --seed to make the whole row anew."
        )


def _differences(job: Job, dataset: Dataset, record: RunRecord) -> Iterator[str]:
    manifest, request = dataset.manifest, record.request
    entry = job.method.entry
    if record.entry != entry:
        yield f"by {record.entry or 'another tool'}, now {entry}"
    yield from _other_parameters(job, record)
    if identity_of(record) != record.parameters_sha256:
        yield "the record was changed by hand"
    if request.dataset_version != manifest.version:
        yield f"version {request.dataset_version} of the dataset, now {manifest.version}"
    for clip in manifest.clips:
        if clip.name == request.clip:
            if clip.pixels_sha256 != record.source_sha256:
                yield f"clip {clip.name} has other pixels now"
            for edit in clip.edits:
                if edit.name == request.edit and edit.prompt != record.prompt:
                    yield f"prompt {clip.name}/{edit.name} was {record.prompt!r}"


def _other_parameters(job: Job, record: RunRecord) -> Iterator[str]:
    """Each parameter that differs; where the weights lie is no difference if they are known."""
    checkpoints = job.method.implementation.checkpoints
    if record.weights and checkpoints and not record.checkpoints:
        yield (
            "by an earlier smmbench, which hashed files of weights instead of the weights, so "
            "that they cannot be compared"
        )
    parameters = job.recorded_parameters
    hashed = record.checkpoints if record.weights else ()
    for name in sorted({*record.parameters, *parameters} - {*hashed}):
        there, now = _value(record.parameters, name), _value(parameters, name)
        if there != now:
            yield f"{name} was {there}, now {now}"


def _value(parameters: dict[str, Any], name: str) -> str:
    return repr(parameters[name]) if name in parameters else "absent"
