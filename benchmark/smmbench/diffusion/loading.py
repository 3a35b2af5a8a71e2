"""Read the parts of a model's folder by their own classes, and say which part is wrong."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, UNet3DConditionModel
from torch import nn
from transformers import CLIPTextModel, CLIPTokenizer
from transformers.utils import logging

from smmbench.diffusion.schedule import NoiseSchedule
from smmbench.diffusion.weights_folder import weights_variant

CLASSES = {"unet": UNet3DConditionModel, "vae": AutoencoderKL, "text_encoder": CLIPTextModel}


def load_network(folder: Path, part: str, dtype: torch.dtype) -> nn.Module:
    """Load one network from safetensors: frozen, in evaluation mode, on the CPU.

    The weights may lie in several files with an index, and where there are only files of the
    variant `fp16` those are read.

    Raises:
        ValueError: The part is missing, of another class, has no safetensors, or its weights do not
            fit its configuration; the message names the part.
    """
    expected = CLASSES[part]
    where = folder / part
    config = read_json(where / "config.json", folder)
    found = config.get("_class_name") or ", ".join(config.get("architectures") or ["no class"])
    if found != expected.__name__:
        raise ValueError(f"{where} holds a {found}; a model here has a {expected.__name__} there.")
    if not any(where.glob("*.safetensors")):
        raise ValueError(
            f"{where} has no .safetensors weights; pickled ones are not read from folders. Save "
            "the model again with diffusers' save_pretrained(..., safe_serialization=True)."
        )
    _check_shards(where)
    network, report = _read_weights(expected, where, dtype)
    for problem in ("missing_keys", "mismatched_keys"):
        if keys := sorted(str(key) for key in report.get(problem, ())):
            shown = ", ".join(keys[:3]) + (" ..." if len(keys) > 3 else "")
            raise ValueError(
                f"The weights of {where} do not fit its config.json: {len(keys)} "
                f"{problem.replace('_', ' ')} ({shown})."
            )
    network.requires_grad_(False)  # gradients go to the latent only
    return network.eval()


def load_tokenizer(folder: Path) -> CLIPTokenizer:
    """Load the tokenizer.

    Raises:
        ValueError: It is missing or cannot be read.
    """
    where = folder / "tokenizer"
    if not (where / "vocab.json").is_file() and not (where / "tokenizer.json").is_file():
        raise ValueError(f"{folder} has no tokenizer/vocab.json. {_layout()}")
    try:
        return CLIPTokenizer.from_pretrained(where, local_files_only=True)
    except Exception as error:  # the library raises many kinds for a damaged file
        raise ValueError(f"{where} is not a CLIPTokenizer: {error}") from error


def load_schedule(folder: Path) -> NoiseSchedule:
    """Load the noise schedule, whichever scheduler class it was saved for."""
    path = folder / "scheduler" / "scheduler_config.json"
    config = {key: value for key, value in read_json(path, folder).items() if key[0] != "_"}
    try:
        return NoiseSchedule.from_config(config)
    except (NotImplementedError, TypeError, KeyError) as error:
        raise ValueError(f"{path} is not a schedule that DDIM can follow: {error}") from error


def read_json(path: Path, folder: Path) -> Mapping[str, Any]:
    """Read a configuration of a model's part.

    Raises:
        ValueError: It is missing or no JSON object.
    """
    if not path.is_file():
        raise ValueError(f"{folder} has no {path.relative_to(folder)}. {_layout()}")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is not JSON: {error}") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path} must hold a JSON object, got {type(content).__name__}.")
    return content


def _layout() -> str:
    return "A model's folder has unet/, vae/, text_encoder/, tokenizer/ and scheduler/."


def _check_shards(where: Path) -> None:
    """Refuse weights in several files of which one that would be read is missing."""
    for path in sorted(where.glob("*.safetensors.index*.json")):
        if ".fp16" in path.name and weights_variant(where) is None:
            continue
        files = read_json(path, where.parent).get("weight_map", {}).values()
        missing = sorted(name for name in set(files) if not (where / name).is_file())
        if missing:
            raise ValueError(
                f"{where} is not whole: {', '.join(missing[:3])} is missing, which {path.name} "
                "names. Copy or fetch the model again."
            )


@contextmanager
def _no_progress_bar() -> Iterator[None]:
    """Keep transformers from drawing over the progress of a run."""
    untyped: Any = logging
    was_on = untyped.is_progress_bar_enabled()
    untyped.disable_progress_bar()
    try:
        yield
    finally:
        if was_on:
            untyped.enable_progress_bar()


def _read_weights(
    expected: Any, where: Path, dtype: torch.dtype
) -> tuple[nn.Module, Mapping[str, Any]]:
    """Call the class's own loader; both libraries differ in the word for the type."""
    word = "dtype" if expected is CLIPTextModel else "torch_dtype"
    diffusers_only = {} if expected is CLIPTextModel else {"low_cpu_mem_usage": False}
    try:
        with warnings.catch_warnings(), _no_progress_bar():
            warnings.simplefilter("ignore", FutureWarning)  # theirs, on their own internals
            network, report = expected.from_pretrained(
                where,
                use_safetensors=True,
                local_files_only=True,
                output_loading_info=True,
                variant=weights_variant(where),
                **{word: dtype},
                **diffusers_only,
            )
    except Exception as error:  # each library raises its own kinds for wrong shapes
        reason = str(error).strip().splitlines()[0] if str(error).strip() else ""
        raise ValueError(
            f"The weights of {where} do not fit its config.json: {type(error).__name__}: {reason}"
        ) from error
    return network, report
