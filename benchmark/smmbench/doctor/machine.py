"""Python, packages, devices, codecs, and disk space."""

from __future__ import annotations

import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from smmbench.doctor.check import Check
from smmbench.plugins import required_packages
from smmbench.storage.home import home

OLDEST_PYTHON = (3, 11)
ROOM = 2 * 2**30  # bytes: results of the embedded world, and a cache of its tracks
MODULES = {  # modules of packages that need a library of the system, or one another's version
    "torch": "torch",
    "open-clip-torch": "open_clip",
    "opencv-python-headless": "cv2",
    "av": "av",
    "diffusers": "diffusers",
    "transformers": "transformers",
}


def python() -> Iterator[Check]:
    """The interpreter."""
    fits = sys.version_info >= OLDEST_PYTHON
    oldest = ".".join(map(str, OLDEST_PYTHON))
    yield Check(
        "Python",
        "works" if fits else "broken",
        f"{platform.python_version()} at {sys.executable}, {platform.platform()}",
        "" if fits else f"Make an environment with Python {oldest} or later.",
        needed=True,
    )


def packages() -> Iterator[Check]:
    """All required packages in one line; each that is missing or does not load, in its own."""
    whole = []
    for requirement in required_packages():
        if fault := _fault(requirement):
            name, mend = f"package {requirement.name}", f'pip install "{requirement}"'
            yield Check(name, "broken", fault, mend, needed=True)
        else:
            whole.append(f"{requirement.name} {version(requirement.name)}")
    yield Check("packages", "works", ", ".join(whole), needed=True)


def devices() -> Iterator[Check]:
    """Processor and GPUs, as PyTorch sees them."""
    import torch

    from smmbench.environment import describe_device

    yield Check("CPU", "works", describe_device("cpu"), needed=True)
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            about = torch.cuda.get_device_properties(index)
            memory = f"{about.total_memory / 2**30:.0f} GiB"
            driver = f"CUDA {torch.version.cuda}, driver {_driver() or 'unknown'}"
            yield Check(f"GPU cuda:{index}", "works", f"{about.name}, {memory}, {driver}")
    elif torch.backends.mps.is_available():
        yield Check("GPU mps", "works", "Apple's GPU by Metal")
    else:
        build = torch.version.cuda or torch.version.hip or "the CPU only"
        yield Check(
            "GPU",
            "not here",
            f"PyTorch {torch.__version__}, built for {build}, sees none",
            "The embedded world needs no GPU; ZeroScope does. If there is one, check its driver "
            "(nvidia-smi).",
        )


def codecs() -> Iterator[Check]:
    """The codecs with which videos are written."""
    import av

    uses = {"ffv1": "lossless videos, which are scored", "libx264": "previews"}
    for name, use in uses.items():
        there = name in av.codecs_available
        yield Check(
            f"codec {name}",
            "works" if there else "broken",
            f"for {use}; PyAV {av.__version__}",
            "" if there else "Install the PyAV wheel from PyPI: pip install --force-reinstall av",
            needed=True,
        )


def disk() -> Iterator[Check]:
    """Whether the cache folder is writable, and whether there is space in it and here."""
    folder = home()
    mend = "Set SMMBENCH_HOME to a writable folder."
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        yield Check("cache folder", "broken", f"{folder}: {error}", mend, needed=True)
    else:
        yield _room("cache folder", folder, mend)
    yield _room("this folder", Path.cwd(), "Name another folder for results: --results.")


def _fault(requirement: Requirement) -> str:
    """Why a required package cannot be used; empty if it can."""
    try:
        found = version(requirement.name)
    except PackageNotFoundError:
        return "not installed"
    if not requirement.specifier.contains(found, prereleases=True):
        return f"{found}, but {requirement.specifier} is needed"
    try:
        import_module(MODULES.get(canonicalize_name(requirement.name), "smmbench"))
    except Exception as error:  # a missing library of the system is an OSError or ImportError
        return f"{found} does not load: {type(error).__name__}: {error}"
    return ""


def _driver() -> str:
    """Version of NVIDIA's driver, if Linux reports it."""
    path = Path("/sys/module/nvidia/version")
    return path.read_text().strip() if path.is_file() else ""


def _room(name: str, folder: Path, mend: str) -> Check:
    free = shutil.disk_usage(folder).free
    found = f"{folder}: {free / 2**30:.1f} GiB free"
    if free >= ROOM:
        return Check(name, "works", found, needed=True)
    return Check(name, "broken", found, f"Free {ROOM / 2**30:.0f} GiB. {mend}", needed=True)
