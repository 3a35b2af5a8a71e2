"""Load the parts of a model's folder with their own classes, and name a part that is wrong."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers.utils import logging

from smmbench.diffusion.codecs import Codec, ImageCodec
from smmbench.diffusion.library_classes import library_class
from smmbench.diffusion.model_index import Layout, read_json
from smmbench.diffusion.schedule import NoiseSchedule
from smmbench.diffusion.schedulers import read_schedule
from smmbench.diffusion.text import ClipText, TextEncoder
from smmbench.diffusion.text_on_demand import TextOnDemand
from smmbench.diffusion.weights_folder import weights_count, weights_of, weights_variant
from smmbench.storage.home import folder_sha256
from smmbench.storage.weights_hash import tensors_sha256

NO_LENGTH = 10**6
"""The tokenizers library writes a far larger number if no maximum length is known."""


def load_network(folder: Path, part: str, name: str, dtype: torch.dtype) -> nn.Module:
    """Load one network from safetensors: frozen, in evaluation mode, on the CPU.

    The weights may be split into several files with an index. If there are only files of the
    variant `fp16`, those are read.

    Args:
        folder: The model's folder.
        part: Name of the part's subfolder.
        name: Name of the class that it should have.
        dtype: Type of the weights, except for layers that the class keeps in float32.

    Raises:
        ValueError: The part is missing, has another class or no safetensors, or its weights do not
            fit its configuration; the message names the part.
        MachineError: Its class cannot be imported.
    """
    where = folder / part
    config = read_json(where / "config.json", folder)
    found = config.get("_class_name") or ", ".join(config.get("architectures") or ["no class"])
    if found != name:
        raise ValueError(f"{where} holds a {found}, but a {name} is needed.")
    if not any(where.glob("*.safetensors")):
        raise ValueError(
            f"{where} has no .safetensors weights; pickled ones are not read from folders. Save "
            "the model again with diffusers' save_pretrained(..., safe_serialization=True)."
        )
    _check_shards(where)
    network, report = _read_weights(name, where, dtype)
    empty = {key for key, weight in network.named_parameters() if weight.is_meta}
    report = {**report, "missing_keys": {*report.get("missing_keys", ()), *empty}}
    for problem in ("missing_keys", "mismatched_keys"):
        if keys := sorted(str(key) for key in report.get(problem, ())):
            shown = ", ".join(keys[:3]) + (" ..." if len(keys) > 3 else "")
            raise ValueError(
                f"The weights of {where} do not fit its config.json: {len(keys)} "
                f"{problem.replace('_', ' ')} ({shown})."
            )
    network.requires_grad_(False)  # only latents need gradients
    return network.eval()


def load_codec(layout: Layout, dtype: torch.dtype, device: str, low_memory: bool) -> Codec:
    """Load the autoencoder. One for clips computes in float32 on a GPU that would use 16 bits.

    Its published weights are float32, and its causal convolutions lose detail in fewer bits.
    """
    codec = layout.codec
    if not issubclass(codec, ImageCodec):
        dtype = torch.float32
    network = load_network(layout.folder, "vae", codec.network_class, dtype)
    return codec(network.to(device), low_memory)


ON_DEMAND = 2 * 2**30
"""Size in bytes from which a text encoder is loaded for new prompts only."""


def load_text(
    layout: Layout, dtype: torch.dtype, device: str, low_memory: bool = False
) -> TextEncoder | TextOnDemand:
    """Load the text encoder and its tokenizer; a large one only when a prompt needs it.

    Raises:
        ValueError: A part is missing or cannot be read.
    """
    text, folder = layout.text, layout.folder
    tokenizer = load_tokenizer(folder, text)

    def load(where: torch.device) -> TextEncoder:
        network = load_network(folder, "text_encoder", text.network_class, dtype)
        return text(network.to(where), tokenizer)

    size = weights_count(folder / "text_encoder") * dtype.itemsize
    if not low_memory and size < ON_DEMAND:
        return load(torch.device(device))
    config = read_json(folder / "text_encoder" / "config.json", folder)
    width = int(config.get("d_model") or config.get("hidden_size") or 0)
    return TextOnDemand(load, size, width, lambda: _text_origin(folder, dtype))


def _text_origin(folder: Path, dtype: torch.dtype) -> dict[str, Any]:
    return {
        "torch": torch.__version__,
        "weights": tensors_sha256(weights_of(folder / "text_encoder")),
        "files": [
            folder_sha256(folder / part, f"*.{end}")
            for part in ("text_encoder", "tokenizer")
            for end in ("json", "txt", "model")
        ],
        "dtype": str(dtype),
    }


def load_tokenizer(folder: Path, text: type[TextEncoder] = ClipText) -> Any:
    """Load the tokenizer.

    Raises:
        ValueError: It is missing or cannot be read.
        MachineError: Its class cannot be imported.
    """
    where = folder / "tokenizer"
    files = ("vocab.json", "tokenizer.json", "spiece.model")
    if not any((where / name).is_file() for name in files):
        raise ValueError(f"{folder} has no tokenizer/{' or '.join(files)}.")
    clip = issubclass(text, ClipText)
    loader = library_class("CLIPTokenizer" if clip else "AutoTokenizer")
    try:
        tokenizer = loader.from_pretrained(where, local_files_only=True)
    except Exception as error:  # the library raises many kinds for a damaged file
        raise ValueError(f"{where} is not a {loader.__name__}: {error}") from error
    if clip and tokenizer.model_max_length > NO_LENGTH:
        tokenizer.model_max_length = _text_positions(folder)
    return tokenizer


def _text_positions(folder: Path) -> int:
    """Maximum number of tokens of the text encoder, if the tokenizer does not state one."""
    path = folder / "text_encoder" / "config.json"
    positions = read_json(path, folder).get("max_position_embeddings")
    if not isinstance(positions, int) or positions < 2:
        raise ValueError(
            f"{folder / 'tokenizer' / 'tokenizer_config.json'} states no model_max_length, and "
            f"{path} no max_position_embeddings: nothing says how long a prompt may be."
        )
    return positions


def load_schedule(folder: Path) -> NoiseSchedule:
    """Load the noise schedule, by the class of the scheduler with which it was saved."""
    path = folder / "scheduler" / "scheduler_config.json"
    return read_schedule(read_json(path, folder), str(path))


def _check_shards(where: Path) -> None:
    """Refuse weights that are split into several files if one of these is missing."""
    for path in sorted(where.glob("*.safetensors.index*.json")):
        if ".fp16" in path.name and weights_variant(where) is None:
            continue
        files = read_json(path, where.parent).get("weight_map", {}).values()
        missing = sorted(name for name in set(files) if not (where / name).is_file())
        if missing:
            raise ValueError(
                f"{where} is not complete: {', '.join(missing[:3])} is missing, which {path.name} "
                "names. Copy or fetch the model again."
            )


@contextmanager
def _no_progress_bar() -> Iterator[None]:
    """Keep transformers from drawing its progress bar over that of a run."""
    untyped: Any = logging
    was_on = untyped.is_progress_bar_enabled()
    untyped.disable_progress_bar()
    try:
        yield
    finally:
        if was_on:
            untyped.enable_progress_bar()


def _read_weights(
    name: str, where: Path, dtype: torch.dtype
) -> tuple[nn.Module, Mapping[str, Any]]:
    """Call the class's own loader; the two libraries name the type differently."""
    expected = library_class(name)
    of_diffusers = expected.__module__.partition(".")[0] == "diffusers"
    word = "torch_dtype" if of_diffusers else "dtype"
    # Without it a network is built twice, which is too much for billions of weights.
    sparing = of_diffusers and name.endswith("Transformer3DModel")
    diffusers_only = {"low_cpu_mem_usage": sparing} if of_diffusers else {}
    try:
        with warnings.catch_warnings(), _no_progress_bar():
            warnings.simplefilter("ignore", FutureWarning)  # theirs, about their own code
            network, report = expected.from_pretrained(
                where,
                use_safetensors=True,
                local_files_only=True,
                output_loading_info=True,
                variant=weights_variant(where),
                **{word: dtype},
                **diffusers_only,
            )
    except Exception as error:  # each library has its own errors for wrong shapes
        reason = str(error).strip().splitlines()[0] if str(error).strip() else ""
        raise ValueError(
            f"The weights of {where} do not fit its config.json: {type(error).__name__}: {reason}"
        ) from error
    return network, report
