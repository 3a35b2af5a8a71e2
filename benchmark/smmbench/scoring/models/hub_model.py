"""Weights of a model on the Hugging Face hub at one commit, or in a folder that the user names."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from smmbench.metrics import HubModel
from smmbench.storage.home import folder_sha256
from smmbench.storage.hub_snapshot import snapshot
from smmbench.storage.weights_hash import tensors_sha256, weights_files

FILES = ("*.json", "*.txt", "*.safetensors")  # no pickles


class WeightsMissingError(OSError):
    """The model is known, but its weights are missing; the message says how to get them."""


@dataclass(frozen=True)
class HubFolder:
    """A model's files on this machine.

    Attributes:
        path: Folder of the files.
        origin: Repository and commit (both empty for a folder of the user), and the SHA-256 of
            each file.
    """

    path: Path
    origin: dict[str, Any]


def hub_folder(model: HubModel) -> HubFolder:
    """Find the files of a model, and download them if they are missing.

    Raises:
        WeightsMissingError: They are unavailable; the message says how to get them.
    """
    named = os.environ.get(model.variable)
    path = Path(named).expanduser() if named else _fetched(model)
    files = weights_files(path)
    if not (path / "config.json").is_file() or not files:
        raise WeightsMissingError(
            f"'{path}' has no model of transformers: config.json and a .safetensors file "
            f"are needed, as in {model.repository} on the Hugging Face hub."
        )
    try:
        weights = {"weights": tensors_sha256(files)}
    except ValueError as error:
        raise WeightsMissingError(f"The model in '{path}' does not load: {error}") from error
    weights |= folder_sha256(path, "*.json") | folder_sha256(path, "*.txt")
    place = {"repository": "", "commit": ""}
    if not named:
        place = {"repository": model.repository, "commit": model.commit}
    return HubFolder(path, place | {"weights": weights})


def _fetched(model: HubModel) -> Path:
    instead = (
        f"Fetch it where there is a network (`hf download {model.repository} --revision "
        f"{model.commit}`), or set {model.variable} to a folder that contains its files."
    )
    try:
        return snapshot(model.repository, model.commit, instead, files=FILES)
    except LookupError as error:
        raise WeightsMissingError(str(error)) from error
