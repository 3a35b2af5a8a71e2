"""Load a network of transformers, and the classes that prepare its input, from a local folder."""

from __future__ import annotations

from typing import Any

import torch

from smmbench.scoring.models.hub_model import HubFolder, WeightsMissingError


def load_from(
    folder: HubFolder, model: Any, *readers: Any, pickles: bool = False
) -> tuple[Any, ...]:
    """Load a network, in float32 and eval mode, and the objects that prepare its input.

    Args:
        folder: Its files.
        model: Class that loads it.
        readers: Classes that load what prepares its input.
        pickles: Whether a `pytorch_model.bin` is read where there are no safetensors; PyTorch
            reads it with `weights_only`, so that no code in it runs.

    Raises:
        WeightsMissingError: The files do not contain such a model.
    """
    try:
        loaded, report = model.from_pretrained(
            folder.path,
            local_files_only=True,
            use_safetensors=None if pickles else True,
            dtype=torch.float32,
            output_loading_info=True,
        )
        prepared = [one.from_pretrained(folder.path, local_files_only=True) for one in readers]
    except Exception as error:  # a broken file raises any error of its format
        first = (str(error).splitlines() or [""])[0]
        raise WeightsMissingError(
            f"The model in '{folder.path}' does not load as a {model.__name__}: "
            f"{type(error).__name__}: {first}"
        ) from error
    if report["missing_keys"]:
        raise WeightsMissingError(
            f"The weights in '{folder.path}' do not belong to a {model.__name__}: "
            f"{len(report['missing_keys'])} tensors are missing."
        )
    return (loaded.eval(), *prepared)
