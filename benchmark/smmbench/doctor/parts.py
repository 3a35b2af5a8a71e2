"""Trackers, datasets, and plug-ins that do not load."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec

from smmbench.doctor.check import Check
from smmbench.plugins import load_offered, offered

EMBEDDED_DATASET = "emoji"
EMBEDDED_METHOD = "smm"
LOADED = {"smmbench.commands": "command", "smmbench.datasets": "dataset"}  # models: by weights


def trackers() -> Iterator[Check]:
    """What follows points: OpenCV, and CoTracker if the user has it."""
    import cv2

    from smmbench.tracking import cotracker, open_tracker

    open_tracker("lucas-kanade", 2, "cpu")
    yield Check("tracker lucas-kanade", "works", f"OpenCV {cv2.__version__}", needed=True)
    weights = (
        f"its weights (CC BY-NC 4.0) from {cotracker.CHECKPOINTS[3]}, named with "
        "--tracker cotracker3:/path.pth"
    )
    if find_spec("cotracker"):
        mend = f"It needs {weights}."
        yield Check("tracker cotracker", "works", f"package {cotracker.installed()}", mend)
    else:
        mend = f"{cotracker.INSTALL} (CC BY-NC 4.0), then {weights}."
        yield Check("tracker cotracker", "not here", "not installed", mend)


def datasets() -> Iterator[Check]:
    """Manifests that load, and how much of their files is here."""
    from smmbench.dataset import dataset_names, load_dataset
    from smmbench.dataset.summary import summary

    for name in dataset_names():
        needed = name == EMBEDDED_DATASET
        try:
            facts = summary(load_dataset(name))
        except Exception as error:  # a stranger's entry point may raise anything
            reason = (str(error).splitlines() or [""])[0]
            yield Check(f"dataset {name}", "broken", reason, needed=needed)
            continue
        found = f"{facts['files_here']} of {facts['files']} files, {facts['clips']} clips"
        whole = facts["files_here"] == facts["files"]
        mend = "" if whole else f"smmbench datasets fetch {name}"
        if needed and not whole:
            mend = "Install the toolkit again; its wheel carries these files."
        state = "works" if whole else "broken" if needed else "not here"
        yield Check(f"dataset {name}", state, found, mend, needed)


def methods() -> Iterator[Check]:
    """Methods that load, in a line; each that does not, in its own."""
    from smmbench.methods import find_method, method_names

    whole = []
    for name in method_names():
        try:
            find_method(name)
        except Exception as error:  # a stranger's module may raise anything
            yield Check(f"method {name}", "broken", str(error), needed=name == EMBEDDED_METHOD)
        else:
            whole.append(name)
    state = "works" if EMBEDDED_METHOD in whole else "broken"
    yield Check("methods", state, ", ".join(whole) or "none", needed=True)


def plug_ins() -> Iterator[Check]:
    """Commands and datasets whose code does not load; nothing if all do."""
    for group, what in LOADED.items():
        for name in offered(group):
            try:
                load_offered(group, name, what)
            except ImportError as error:
                mend = "Mend or uninstall that distribution."
                yield Check(f"{what} {name}", "broken", str(error), mend)
