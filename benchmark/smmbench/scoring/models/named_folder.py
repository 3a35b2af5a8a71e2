"""A model of transformers in a folder that an environment variable names."""

from __future__ import annotations

import os
from pathlib import Path

import transformers

from smmbench.scoring.models.hub_model import HubFolder, WeightsMissingError
from smmbench.storage.home import folder_sha256
from smmbench.storage.weights_hash import tensors_sha256, weights_files

CONFIGURATIONS = ("*.json", "*.txt", "*.jinja", "*.model")


def named_folder(variable: str, what: str) -> HubFolder:
    """The folder that a variable names, with the SHA-256 of its tensors and configurations.

    Args:
        variable: Name of the environment variable.
        what: Example of a model that it may contain, for the message.

    Raises:
        WeightsMissingError: It names no folder with a model of transformers in safetensors.
    """
    named = os.environ.get(variable)
    if not named:
        raise WeightsMissingError(
            f"No model is named. Set {variable} to a folder that contains {what} "
            "(`hf download REPOSITORY --local-dir FOLDER`). Nothing is downloaded; scores store "
            "the SHA-256 of its weights."
        )
    path = Path(named).expanduser()
    files = weights_files(path)
    if not (path / "config.json").is_file() or not files:
        raise WeightsMissingError(
            f"{variable}: '{path}' does not contain a model of transformers: config.json and a "
            ".safetensors file are needed."
        )
    try:
        weights = {"weights": tensors_sha256(files)}
    except ValueError as error:
        raise WeightsMissingError(f"The model in '{path}' does not load: {error}") from error
    for pattern in CONFIGURATIONS:
        weights |= folder_sha256(path, pattern)
    return HubFolder(path, {"weights": weights})


def libraries() -> dict[str, str]:
    """Libraries on which the numbers depend besides weights and configuration."""
    return {"transformers": transformers.__version__}
