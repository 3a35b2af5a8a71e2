"""Checks that datasets, methods, commands and trackers load."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from smmbench.doctor.check import Check, State
from smmbench.plugins import load_offered, offered

EMBEDDED_DATASETS = ("emoji", "emoji-wan")
EMBEDDED_METHOD = "smm"
COMMANDS = "smmbench.commands"
MEND = "Repair or uninstall that distribution."


def trackers() -> Iterator[Check]:
    """Point trackers: OpenCV, and CoTracker if installed."""
    import cv2

    from smmbench.tracking import open_tracker

    for name in ("dis", "lucas-kanade", "farneback"):
        open_tracker(name, 2, "cpu")
        yield Check(f"tracker {name}", "works", f"OpenCV {cv2.__version__}", needed=True)
    yield _cotracker()


def datasets() -> Iterator[Check]:
    """Whether manifests load, and how many of their files are here."""
    from smmbench.dataset import dataset_names, load_dataset
    from smmbench.dataset.summary import summary

    for name in dataset_names():
        needed = name in EMBEDDED_DATASETS
        try:
            facts = summary(load_dataset(name))
        except Exception as error:  # another distribution's entry point may raise anything
            reason = (str(error).splitlines() or [""])[0]
            mend = f"Run `smmbench datasets check {name}` for a full list of faults."
            yield Check(f"dataset {name}", "broken", reason, mend, needed)
            continue
        found = f"{facts['files_here']} of {facts['files']} files, {facts['clips']} clips"
        whole = facts["files_here"] == facts["files"]
        mend = "" if whole else f"smmbench datasets fetch {name}"
        if needed and not whole:
            mend = "Reinstall the toolkit; its wheel contains these files."
        state: State = "works" if whole else "broken" if needed else "not here"
        yield Check(f"dataset {name}", state, found, mend, needed)


def methods() -> Iterator[Check]:
    """All methods that load in one line; each that does not, in its own."""
    from smmbench.resolving import find_method, method_names

    whole = []
    for name in method_names():
        try:
            find_method(name)
        except Exception as error:  # another distribution's module may raise anything
            yield Check(f"method {name}", "broken", str(error), MEND, name == EMBEDDED_METHOD)
        else:
            whole.append(name)
    there = EMBEDDED_METHOD in whole
    mend = "" if there else "Reinstall the toolkit, which provides this method."
    state: State = "works" if there else "broken"
    yield Check("methods", state, ", ".join(whole) or "none", mend, needed=True)


def commands() -> Iterator[Check]:
    """Commands of other distributions whose code does not load; nothing if all do."""
    for name in offered(COMMANDS):
        try:
            load_offered(COMMANDS, name, "command")
        except ImportError as error:
            yield Check(f"command {name}", "broken", str(error), MEND)


def _cotracker() -> Check:
    """CoTracker needs its package and a checkpoint, which the user names."""
    from smmbench.tracking import cotracker
    from smmbench.tracking.installed import installed_version

    name, steps = "tracker cotracker", []
    if find_spec("cotracker"):
        package = f"package {installed_version('cotracker')}"
    else:
        package = "no package"
        steps.append(f"Install it (CC BY-NC 4.0): {cotracker.INSTALL}")
    found = {f"cotracker{n}": _downloaded(url) for n, url in cotracker.CHECKPOINTS.items()}
    here = {generation: path for generation, path in found.items() if path}
    if not here:
        steps.append(
            f"Download {cotracker.CHECKPOINTS[3]} (CC BY-NC 4.0) and name the file: "
            "--tracker cotracker3:/path.pth"
        )
        return Check(name, "not here", f"{package}; no checkpoint", "  ".join(steps))
    named = ", ".join(f"--tracker {generation}:{path}" for generation, path in here.items())
    state: State = "not here" if steps else "works"
    return Check(name, state, f"{package}; {named}", "  ".join(steps))


def _downloaded(url: str) -> Path | None:
    """Path of a checkpoint in the hub's cache or PyTorch's; it may also be elsewhere."""
    import torch
    from huggingface_hub import try_to_load_from_cache

    owner, model, *_, file = url.removeprefix("https://huggingface.co/").split("/")
    cached = try_to_load_from_cache(f"{owner}/{model}", file)
    places = [Path(torch.hub.get_dir(), "checkpoints", file)]
    places += [Path(cached)] if isinstance(cached, str) else []
    return next((place for place in places if place.is_file()), None)
