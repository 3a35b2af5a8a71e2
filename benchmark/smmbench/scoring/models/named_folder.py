"""A model of transformers in a folder that the user names by an environment variable."""

from __future__ import annotations

import os
from pathlib import Path

import transformers

from smmbench.scoring.models.hub_model import HubFolder, WeightsMissingError
from smmbench.storage.home import folder_sha256
from smmbench.storage.weights_hash import tensors_sha256, weights_files

CONFIGURATIONS = ("*.json", "*.txt", "*.jinja", "*.model")


def named_folder(variable: str, what: str) -> HubFolder:
    """The folder that a variable names, and the SHA-256 of its tensors and configurations.

    Args:
        variable: Of the environment.
        what: A model that it may hold, for the message.

    Raises:
        WeightsMissingError: It names none, or no model of transformers in safetensors.
    """
    named = os.environ.get(variable)
    if not named:
        raise WeightsMissingError(
            f"No model is named. Set {variable} to a folder of transformers that holds {what} "
            "(`hf download REPOSITORY --local-dir FOLDER`); nothing is downloaded, and scores keep "
            "the SHA-256 of its weights."
        )
    path = Path(named).expanduser()
    files = weights_files(path)
    if not (path / "config.json").is_file() or not files:
        raise WeightsMissingError(
            f"{variable}: '{path}' does not hold a model of transformers: config.json and a "
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
    """What the numbers depend on besides weights and configuration."""
    return {"transformers": transformers.__version__}
