"""The generation loop: planning, execution and the summary of outcomes."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args

from smmbench.dataset import Dataset, load_dataset, reference_clip
from smmbench.environment import choose_device
from smmbench.errors import MachineError
from smmbench.external.method import External
from smmbench.method import Method
from smmbench.method.parameters import build_parameters, choose_preset
from smmbench.plugins import no_such
from smmbench.progress import duration, progress
from smmbench.resolving import ResolvedMethod, resolve
from smmbench.results import (
    Reference,
    RunRecord,
    Tuning,
)
from smmbench.running.heartbeat import sweep
from smmbench.running.job import Job
from smmbench.running.pairs import Pair, by_clip, choose_pairs, shard
from smmbench.running.resume import State, standing
from smmbench.storage.atomic import why_not_writable

Executor = Callable[[Job, Sequence[Sequence[Pair]]], Iterator[RunRecord]]
"""Generates the videos of groups of pairs, each of one clip, and yields their records."""


@dataclass(frozen=True)
class Plan:
    """The plan of a run.

    Attributes:
        job: The method, its parameters, the dataset and the results folder.
        dataset: The job's dataset.
        pairs: This run's pairs in order, each with its state on disk.
        keep_failed: Whether pairs that failed before are skipped.
    """

    job: Job
    dataset: Dataset
    pairs: tuple[tuple[Pair, State], ...]
    keep_failed: bool = False

    @property
    def todo(self) -> list[Pair]:
        """Pairs that this run will generate."""
        kept = ("done", "failed") if self.keep_failed else ("done",)
        return [pair for pair, state in self.pairs if state not in kept]


@dataclass(frozen=True)
class Summary:
    """The summary of a run.

    Attributes:
        made: Number of videos generated.
        kept: Number of pairs completed by an earlier run.
        failed: Number of pairs without a video, from this run or an earlier one.
        seconds: Duration of the run.
        failures: Records of the pairs that failed in this run.
    """

    made: int
    kept: int
    failed: int
    seconds: float
    failures: tuple[RunRecord, ...] = ()


def chosen_references(names: Sequence[str]) -> tuple[Reference, ...]:
    """Parse references by name, each once; the default is the clip's own motion.

    Raises:
        LookupError: There is no such reference.
    """
    known = {str(name): name for name in get_args(Reference)}
    for name in names:
        if name not in known:
            raise LookupError(no_such("reference", name, known))
    return tuple(known[name] for name in dict.fromkeys(names or ("forward",)))


def plan_run(
    method: str | type[Method[Any, Any]] | ResolvedMethod,
    dataset: str,
    root: Path,
    *,
    preset: str | None = None,
    settings: Sequence[str] = (),
    parameters: Mapping[str, Any] | None = None,
    tuning: Tuning | None = None,
    reference: Reference = "forward",
    label: str | None = None,
    clips: Collection[str] = (),
    edits: Collection[str] = (),
    seeds: Sequence[int] = (),
    limit: int | None = None,
    share: str | None = None,
    device: str = "auto",
    batch: int = 1,
    overwrite: bool = False,
    keep_failed: bool = False,
    deterministic: bool = False,
    device_of: Callable[[str], str] = choose_device,
) -> Plan:
    """Determine what has to be done; nothing is loaded, generated or written.

    Args:
        method: A method's name, `path.py:Class`, its class, or a resolved method.
        dataset: A dataset's name or the path of its manifest.
        root: The results folder.
        preset: One of the method's presets; None for the preset of the dataset's family, if any.
        settings: Parameters, each `name=value`.
        parameters: Typed parameters by name; they are applied after `settings`.
        tuning: The search that chose preset and settings, if any; it is recorded.
        reference: The motion that the method is given: the clip's own, or another.
        label: The method's name on the board; None for the default.
        clips: Names of clips; none for all.
        edits: Names of edits; none for all.
        seeds: Seeds; none for the protocol's.
        limit: Maximum number of pairs; see `choose_pairs`.
        share: The share of the clips for this run, `i/n`; None for all.
        device: As accepted by `choose_device`.
        batch: Maximum number of pairs in a batch, if the method supports batches.
        overwrite: Replace existing results.
        keep_failed: Skip pairs that failed before.
        deterministic: Let PyTorch use deterministic kernels only, in the whole process that
            generates and from then on; see `compute_deterministically`.
        device_of: Chooses the device; a cluster has other devices than this machine.

    Raises:
        ValueError, LookupError, ImportError: The requested objects do not exist, or one row
            would mix results of different settings; the message lists the possibilities.
    """
    if batch < 1:
        raise ValueError(f"The batch size must be at least 1, got {batch}.")
    resolved = resolve(method)
    found = resolved.implementation
    if deterministic and issubclass(found, External):
        raise ValueError(
            f"'{resolved.label}' runs code of its own in another process, where --deterministic "
            "has no effect. Run it without the option; what its code offers is a parameter or an "
            "argument of its recipe."
        )
    described = load_dataset(dataset)
    name = described.manifest.name
    chosen_preset = choose_preset(found, preset, name)
    built = build_parameters(found, chosen_preset, settings, parameters or {})
    job = Job(
        method=resolved,
        parameters=built,
        label=_checked_label(label or resolved.label),
        dataset=dataset,
        root=root,
        device=device_of(device),
        batch=batch,
        reference=reference,
        tuning=tuning,
        deterministic=deterministic,
    )
    chosen = choose_pairs(described.manifest, clips, edits, seeds, limit)
    for pair in chosen:
        reference_clip(described, pair.clip, reference)  # refused now, not pair by pair
    if overwrite:
        remade = ((pair.clip.name, pair.edit.name, pair.seed) for pair in chosen)
        job = replace(job, remade=frozenset(remade))
    there = standing(job, described, chosen)
    mine = chosen if share is None else shard(chosen, share)
    states = dict(zip(chosen, there.states, strict=True))
    return Plan(
        job=replace(job, weights=there.weights),
        dataset=described,
        pairs=tuple((pair, states[pair]) for pair in mine),
        keep_failed=keep_failed,
    )


def run(plan: Plan, execute: Executor) -> Summary:
    """Generate the planned videos; repeating an interrupted run resumes it.

    Raises:
        ValueError, LookupError, OSError, ImportError: A clip's file or the method's weights are
            missing, or the results folder cannot be written; videos generated before are kept.
    """
    begin = time.monotonic()
    sweep(plan.job.root)
    todo = plan.todo
    if todo and (why := why_not_writable(plan.job.root)):  # known before weights are loaded
        raise MachineError(
            f"Results cannot be written to '{plan.job.root}': {why}. Name another folder with "
            "--results."
        )
    made = 0
    failures: list[RunRecord] = []
    if todo:
        work = f"{plan.job.label} on {plan.dataset.manifest.name}"
        with progress(len(todo), "pairs", work=work) as report:
            for record in execute(plan.job, by_clip(todo)):
                report(_line(record), failed=record.status == "failed")
                if record.status == "done":
                    made += 1
                else:
                    failures.append(record)
    kept = sum(state == "done" for _, state in plan.pairs)
    kept_failed = len(plan.pairs) - kept - len(todo)
    return Summary(
        made=made,
        kept=kept,
        failed=len(failures) + kept_failed,
        seconds=time.monotonic() - begin,
        failures=tuple(failures),
    )


def _line(record: RunRecord) -> str:
    """Describe the outcome of a pair in one line."""
    asked = record.request
    given = "" if asked.reference == "forward" else f" ({asked.reference})"
    pair = f"{asked.method} {asked.clip}/{asked.edit} seed {asked.seed}{given}"
    if record.failure is not None:
        failed = record.failure
        return f"{pair}: failed in {failed.stage} ({failed.kind}): {failed.message}"
    return f"{pair}: {duration(record.transfer_seconds)}"


def _checked_label(label: str) -> str:
    """Validate a label, which names a folder and a row of a table."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,63}", label):
        raise ValueError(
            f"A label has up to 64 lower-case letters, digits, dots, hyphens and underscores, and "
            f"begins with a letter or digit; got '{label}'."
        )
    return label
