"""Find and identify the weights that official code needs."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Sequence
from pathlib import Path

from smmbench.external.install.checkout import SetupError
from smmbench.external.recipe.tables import WeightsOf
from smmbench.storage.home import file_sha256, home
from smmbench.storage.weights_hash import PICKLED, SAFETENSORS, tensors_sha256


def weights_folder() -> Path:
    """Folder for weights that are not on the hub, which users put there by hand."""
    return home() / "weights"


def find_weights(wanted: Sequence[WeightsOf]) -> dict[str, Path]:
    """Location of each of the weights: a snapshot folder in the hub's cache, or a file.

    Raises:
        SetupError: Some are missing; the message says how to get each of them.
    """
    found: dict[str, Path] = {}
    missing: list[str] = []
    for one in wanted:
        path = _of_hub(one) if one.hub else _of_folder(one)
        if path is None:
            missing.append(_how(one))
        else:
            found[one.name] = path
    if missing:
        raise SetupError(f"Weights are missing. {' '.join(missing)}")
    return found


def weights_sha256(wanted: Sequence[WeightsOf], found: dict[str, Path]) -> dict[str, str]:
    """SHA-256 of every weights file, by the weights' name and the path in them.

    If a file contains tensors, the hash is that of the tensors, so that a copy saved differently
    has the same hash; otherwise (configurations, tokenizers, archives, pickled objects) that of
    the file.
    """
    hashes: dict[str, str] = {}
    for one in wanted:
        path = found[one.name]
        if path.is_file():
            sha256 = _checked(one, path)
            hashes[one.name] = _of_tensors(path) or sha256
            continue
        for file in sorted(path.rglob("*")):
            if file.is_file() and any(fnmatch.fnmatch(file.name, kind) for kind in one.files):
                hashes[f"{one.name}/{file.relative_to(path).as_posix()}"] = _of_tensors(
                    file
                ) or _blob_sha256(file)
    return hashes


def _of_hub(one: WeightsOf) -> Path | None:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        return Path(snapshot_download(one.hub, revision=one.revision, local_files_only=True))
    except LocalEntryNotFoundError:
        return None


def _of_folder(one: WeightsOf) -> Path | None:
    path = weights_folder() / _name(one)
    return path if path.is_file() else None


def _name(one: WeightsOf) -> str:
    """Name of the file: the one that the code expects, or else the one in the address."""
    return (one.place or one.url).rsplit("/", 1)[-1].partition("?")[0]


def _how(one: WeightsOf) -> str:
    if one.hub:
        return f"{one.name}: `hf download {one.hub} --revision {one.revision}`."
    return f"{one.name}: put {one.url} at '{weights_folder() / _name(one)}'."


def _checked(one: WeightsOf, path: Path) -> str:
    sha256 = file_sha256(path)
    if one.sha256 and sha256 != one.sha256:
        raise SetupError(
            f"'{path}' is not the file that the recipe names '{one.name}': its SHA-256 is "
            f"{sha256}, expected {one.sha256}. Download it again from {one.url}."
        )
    return sha256


def _of_tensors(path: Path) -> str:
    """SHA-256 of a file's tensors, cached by path, size and time; empty if it has none."""
    if path.suffix not in (SAFETENSORS, *PICKLED):
        return ""
    try:
        return tensors_sha256(path)
    except ValueError:
        return ""


def _blob_sha256(file: Path) -> str:
    """The hub's cache names a large file by its SHA-256 and links to it."""
    name = file.resolve().name
    return name if re.fullmatch(r"[0-9a-f]{64}", name) else file_sha256(file)
