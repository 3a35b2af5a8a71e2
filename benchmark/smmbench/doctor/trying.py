"""Practical checks: an import alone does not show that a video opens or an encoder loads."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

from smmbench.doctor.check import Check
from smmbench.errors import MachineError
from smmbench.plugins import declared_package, load_offered

EMBEDDED_MODELS = ("emoji", "emoji-wan")
EXTRAS = {"peft": ("tuned", "the method motion-director"), "ray": ("ray", "--executor ray")}
"""Optional packages, with the extra that installs them and their use."""


def video() -> Iterator[Check]:
    """Write a lossless video and check that it reads back with the same pixels."""
    from smmbench.video import Video, read_video, write_lossless

    frames = np.random.default_rng(0).integers(0, 256, (3, 16, 24, 3), dtype=np.uint8)
    mend = "Install the PyAV wheel from PyPI: pip install --force-reinstall 'av<19'"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tried.mkv"
        try:
            write_lossless(path, Video(frames, 8.0))
            same = np.array_equal(read_video(path).frames, frames)
        except Exception as error:  # another version of the library may raise anything
            reason = f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
            yield Check("video", "broken", reason, mend, needed=True)
            return
    if same:
        yield Check("video", "works", "one was written and read back, pixel for pixel", needed=True)
    else:
        yield Check("video", "broken", "one came back with other pixels", mend, needed=True)


def networks() -> Iterator[Check]:
    """Check that the classes of the embedded models' networks can be imported.

    Importing diffusers does not show it: each class is imported when it is first used.
    """
    from smmbench.diffusion.library_classes import explain, import_class

    names = list(dict.fromkeys(name for model in EMBEDDED_MODELS for name in _classes(model)))
    for name in names:
        try:
            import_class(name)
        except Exception as error:  # half an installation may raise anything
            obstacle = explain(name, error)
            yield Check("networks", "broken", obstacle.reason, obstacle.advice, needed=True)
            return
    yield Check("networks", "works", f"{', '.join(names)} can be imported", needed=True)


def _classes(model: str) -> tuple[str, str, str]:
    """Return the classes of an embedded model's network, autoencoder and text encoder."""
    from smmbench.diffusion.model_index import read_layout

    layout = read_layout(Path(load_offered("smmbench.models", model, "model")()))
    return layout.family.network, layout.codec.network_class, layout.text.network_class


def text_encoder() -> Iterator[Check]:
    """Check that the embedded model's text encoder loads and encodes a prompt."""
    model = EMBEDDED_MODELS[0]
    name = f"text encoder {model}"
    mend = "Run `pip install --upgrade transformers`: this version may not read these weights."
    try:
        import torch

        from smmbench.diffusion.loading import load_text
        from smmbench.diffusion.model_index import read_layout

        folder = Path(load_offered("smmbench.models", model, "model")())
        text = load_text(read_layout(folder), torch.float32, "cpu")
        tokens, width = text.embed(["a red fish"], torch.device("cpu")).shape[1:]
    except MachineError as error:
        yield Check(name, "broken", str(error), "Do what `networks` says.", needed=True)
        return
    except Exception as error:  # another version of the library may raise anything
        reason = f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
        yield Check(name, "broken", reason, mend, needed=True)
        return
    yield Check(name, "works", f"encodes {tokens} tokens as {width} numbers each", needed=True)


def extras() -> Iterator[Check]:
    """Check optional packages."""
    for package in EXTRAS:
        yield optional_package(package)


def optional_package(package: str, needed: bool = False) -> Check:
    """Check whether an optional package is installed, and whether its version fits.

    Args:
        package: Its name; also one that only a method of another distribution needs.
        needed: Whether what is checked needs it in a version that fits.
    """
    name = f"package {package}"
    extra, use = EXTRAS.get(package, ("", "a method"))
    try:
        found = version(package)
    except PackageNotFoundError:
        mend = f'pip install "smmbench[{extra}]"' if extra else f"pip install {package}"
        found = "this method needs it" if needed else f"only {use} needs it"
        return Check(name, "not here", found, mend, needed)
    requirement = declared_package(package)
    if requirement is None or requirement.specifier.contains(found, prereleases=True):
        return Check(name, "works", f"{found}; for {use}")
    fitting = f"{package}{requirement.specifier}"
    mend = f'Run `pip install --upgrade "{fitting}"`, or `pip uninstall {package}`.'
    return Check(name, "broken", f"{found} is installed, but {fitting} is needed", mend, needed)
