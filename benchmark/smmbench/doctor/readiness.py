"""Whether a run can start here: its clips, weights, device and disk space."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from smmbench.dataset import Clip, Dataset, clip_form, clip_path
from smmbench.doctor.check import Check, State
from smmbench.doctor.trying import optional_package
from smmbench.doctor.weights import text_model_check
from smmbench.environment import describe_device
from smmbench.storage.atomic import closest_existing, why_not_writable


@dataclass(frozen=True)
class Wanted:
    """Requirements of a run.

    Attributes:
        dataset: Its dataset.
        clips: Clips of the pairs that it would generate, each once.
        videos: Number of videos that it would generate.
        parameters: Parameters of the method.
        method: Name of the method.
        preset: Preset of the parameters; empty for the defaults.
        checkpoints: Parameters that name weights.
        packages: Optional packages that the method imports.
        device: Device on which it would run.
        root: The results folder.
    """

    dataset: Dataset
    clips: Sequence[Clip]
    videos: int
    parameters: Any
    method: str
    preset: str
    checkpoints: Sequence[str]
    packages: Sequence[str]
    device: str
    root: Path


def run_readiness(wanted: Wanted) -> Iterator[Check]:
    """Check the requirements of a run; nothing is loaded, downloaded or changed.

    Checks that are `needed` must work before the run can start. Scoring needs the text model too,
    but only later.
    """
    yield _clips(wanted)
    if "model" in wanted.checkpoints:
        yield _model(wanted.parameters.model, getattr(wanted.parameters, "revision", ""))
    yield from _packages(wanted)
    yield Check("device", "works", describe_device(wanted.device), needed=True)
    yield _room(wanted)
    yield from text_model_check(wanted.dataset.manifest.protocol.text_model)
    yield from _real(wanted)


def is_ready(checks: Sequence[Check]) -> bool:
    """Whether everything that a run needs immediately works."""
    return all(check.state == "works" for check in checks if check.needed)


def _clips(wanted: Wanted) -> Check:
    """Whether every clip's file exists and has the right hash."""
    faults = []
    for clip in wanted.clips:
        try:
            clip_path(wanted.dataset, clip)
        except (ValueError, OSError) as error:
            faults.append(str(error))
    count = len(wanted.clips)
    if not faults:
        return Check("clips", "works", f"all {count} are here, with the right hashes", needed=True)
    more = f" (and {len(faults) - 1} more)" if faults[1:] else ""
    return Check("clips", "not here", f"{len(faults)} of {count} missing", faults[0] + more, True)


def _model(model: str, revision: str) -> Check:
    from smmbench.diffusion.weights_folder import REVISIONS, here, lacking_files

    name, folder = f"model {model}", here(model, revision)
    if folder is None:
        commit = revision or REVISIONS.get(model, "")
        known = "/" in model and not Path(model).is_absolute()
        mend = (
            f"The run would download it first. Or: hf download {model} --revision {commit}"
            if known and commit
            else "Name a folder in diffusers' layout, or a hub id and --set revision=COMMIT."
        )
        return Check(name, "not here", "neither a folder nor in the hub's cache", mend, True)
    try:
        lacking = lacking_files(folder)
    except ValueError as error:
        return Check(name, "broken", str(error), "Name another model: --set model=...", True)
    if lacking:
        found = f"{folder} lacks {', '.join(lacking[:3])}"
        more = f" and {len(lacking) - 3} more" if lacking[3:] else ""
        return Check(name, "broken", found + more, f"Fetch it again: hf download {model}", True)
    return Check(name, "works", f"in {folder}", needed=True)


def _packages(wanted: Wanted) -> Iterator[Check]:
    """Optional packages that the method imports, and peft where it keeps diffusers from loading."""
    for package in wanted.packages:
        yield optional_package(package, needed=True)
    if "model" in wanted.checkpoints and "peft" not in wanted.packages:
        peft = optional_package("peft", needed=True)  # diffusers imports it wherever it is there
        if peft.state == "broken":
            yield peft


def _room(wanted: Wanted) -> Check:
    """Disk space for the videos, whose lossless files are hardly larger than their raw pixels."""
    name, elsewhere = "room for results", "Name another folder for results: --results."
    if why := why_not_writable(wanted.root):
        return Check(name, "broken", why, elsewhere, True)
    sizes = [clip_form(wanted.dataset, clip) for clip in wanted.clips]
    largest = max((3 * form.frames * form.width * form.height for form in sizes), default=0)
    needed = largest * wanted.videos
    free = shutil.disk_usage(closest_existing(wanted.root)).free
    found = f"at most {needed / 1e9:.2f} GB for {wanted.videos} videos, {free / 1e9:.1f} GB free"
    state: State = "works" if needed < free else "broken"
    return Check(name, state, found, "" if needed < free else elsewhere, True)


def _real(wanted: Wanted) -> Iterator[Check]:
    """Further requirements of the protocol for real video: its block's own backbone."""
    from smmbench.public_sets.real import REHEARSAL, real_name, real_protocol

    name = wanted.dataset.manifest.name
    for block, of in real_protocol().blocks.items():
        if not name.startswith(real_name(block)) or name.endswith(REHEARSAL):
            continue
        if wanted.device == "cpu":
            mend = "Run on a machine with a GPU, or rehearse with --rehearsal datasets."
            yield Check("GPU", "not here", f"{of.title} is too large for a CPU", mend, True)
        if "model" in wanted.checkpoints:
            own = (wanted.parameters.model, wanted.parameters.revision or of.revision)
            fits = own == (of.model, of.revision)
            mend = "" if fits else f"--set model={of.model}, or a dataset of another block."
            found = f"{of.model} at {of.revision[:12]} is required"
            yield Check("block", "works" if fits else "broken", found, mend, True)
        asked = (wanted.method, wanted.preset or "paper")
        prompts = wanted.videos // max(1, len(wanted.clips))
        known = (one for one in of.cost if (one.method, one.preset) == asked)
        cost = next((one.hours(len(wanted.clips), prompts) for one in known), "")
        yield Check("cost", "works", cost or "not measured at this size")
