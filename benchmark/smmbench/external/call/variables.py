"""The environment variables that official code receives."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

# What programs need from the machine, and the locations of weight caches. Nothing that may contain
# a secret: a required token is named in the recipe (`environment.passed`).
PASSED = (
    *("PATH", "HOME", "USER", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "XDG_CACHE_HOME"),
    *("HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HUB_OFFLINE", "HF_ENDPOINT"),
    *("TRANSFORMERS_CACHE", "TRANSFORMERS_OFFLINE", "TORCH_HOME", "OMP_NUM_THREADS"),
    *("LD_LIBRARY_PATH", "CUDA_HOME", "CUDA_PATH", "CUDA_VISIBLE_DEVICES"),
    *("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "http_proxy", "https_proxy", "no_proxy"),
    *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"),
)
INSTALLING = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_CONFIG_FILE", "PIP_CACHE_DIR")


def variables(
    device: str, python: Path, temporary: Path, own: Mapping[str, str], passed: Sequence[str] = ()
) -> dict[str, str]:
    """All environment variables of a command.

    Args:
        device: `cpu` shows no GPU; `cuda:1` shows the second of those visible to this process.
        python: The environment's interpreter; its folder comes first in PATH.
        temporary: Folder for temporary files.
        own: Variables that the recipe sets.
        passed: Names of further variables of this process to pass on.
    """
    found = {name: os.environ[name] for name in (*PASSED, *passed) if name in os.environ}
    return found | {
        "PATH": os.pathsep.join([str(python.parent), found.get("PATH", os.defpath)]),
        "TMPDIR": str(temporary),
        "PYTHONUNBUFFERED": "1",
        "PYTHONNOUSERSITE": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONIOENCODING": "utf-8",
        "MPLBACKEND": "Agg",
        **_cards(device, found.get("CUDA_VISIBLE_DEVICES")),
        **own,
    }


def _cards(device: str, seen: str | None) -> dict[str, str]:
    """Which GPUs are visible: none, one, or all."""
    kind, _, number = device.partition(":")
    if kind != "cuda":
        return {"CUDA_VISIBLE_DEVICES": ""}
    index = int(number or 0)
    names = seen.split(",") if seen else []
    return {"CUDA_VISIBLE_DEVICES": names[index] if index < len(names) else str(index)}
