"""Locate a model's files: an installed distribution, a local folder, or a pinned hub revision."""

from __future__ import annotations

import math
import re
import shutil
import tempfile
from pathlib import Path

from smmbench.diffusion.model_index import INDEX, check_index, read_json, read_layout
from smmbench.plugins import load_offered, no_such, offered
from smmbench.storage.home import home
from smmbench.storage.hub_snapshot import is_commit, snapshot

PARTS = ("vae", "text_encoder", "tokenizer", "scheduler")
"""Parts of every model, besides its network."""

# Known hub models, at a commit, since a branch may change during a benchmark.
REVISIONS = {
    "cerspense/zeroscope_v2_576w": "6963642a64dbefa93663d1ecebb4ceda2d9ecb28",
    "damo-vilab/text-to-video-ms-1.7b": "8227dddca75a8561bf858d604cc5dae52b954d01",
    "Wan-AI/Wan2.1-T2V-1.3B-Diffusers": "0fad780a534b6463e45facd96134c9f345acfa5b",
    "THUDM/CogVideoX-2b": "1137dacfc2c9c012bed6a0793f4ecf2ca8e7ba01",
    "THUDM/CogVideoX-5b": "8d6ea3f817438460b25595a120f109b88d5fdfad",
}
ENDS = ("json", "txt", "model", "safetensors")


def model_folder(model: str, revision: str = "") -> Path:
    """Find the folder of a model, fetching it from the hub if it is not on this machine.

    Args:
        model: A name that a distribution provides (`smmbench models`), a folder, or a hub id.
        revision: Commit of a hub id; empty for the pinned one of a known id.

    Raises:
        LookupError: There is no such model, or the hub cannot provide it.
        ValueError: A revision is missing or not a commit, or the model's family is not
            supported, which is checked before its weights are fetched.
    """
    if model in offered("smmbench.models"):
        return Path(load_offered("smmbench.models", model, "model")())
    if (folder := Path(model).expanduser()).is_dir():
        return folder
    if re.fullmatch(r"[\w.-]+/[\w.-]+", model) is None:
        known = [*offered("smmbench.models"), *REVISIONS]
        raise LookupError(
            no_such("model", model, known) + " A local folder or a hub id (owner/name) works too."
        )
    return _from_hub(model, revision)


def here(model: str, revision: str = "") -> Path | None:
    """The folder of a model if it is on this machine; nothing is fetched.

    Args:
        model: As in `model_folder`.
        revision: Commit of a hub id; empty for the pinned one of a known id.
    """
    if model in offered("smmbench.models"):
        return Path(load_offered("smmbench.models", model, "model")())
    if (folder := Path(model).expanduser()).is_dir():
        return folder
    from huggingface_hub import constants

    safe, commit = model.replace("/", "--"), revision or REVISIONS.get(model, "")
    places = (
        home() / "models" / safe / commit,
        Path(constants.HF_HUB_CACHE, f"models--{safe}", "snapshots", commit),
    )
    return next((place for place in places if commit and place.is_dir()), None)


def lacking_files(folder: Path) -> list[str]:
    """Files that are missing from a model's folder, as far as its own indices say.

    Raises:
        ValueError: Its family is not supported, or a configuration is missing.
    """
    network = read_layout(folder).family.part
    lacking = [f"{part}/" for part in ("tokenizer", "scheduler") if not (folder / part).is_dir()]
    for part in (network, "vae", "text_encoder"):
        index = next((folder / part).glob("*.safetensors.index.json"), None)
        if index is not None:
            shards = sorted(set(read_json(index, folder).get("weight_map", {}).values()))
            lacking += [f"{part}/{name}" for name in shards if not (folder / part / name).exists()]
        elif not any(path.exists() for path in _weights(folder / part)):
            lacking.append(f"{part}/*.safetensors")
    return lacking


def _weights(part: Path) -> list[Path]:
    return [*part.glob("*.safetensors"), *part.glob("*.bin")]


def weights_variant(part: Path) -> str | None:
    """The variant of the weights that is read: `fp16` if a part's folder has no other weights."""
    names = [path.name for path in part.glob("*.safetensors")]
    return "fp16" if all(".fp16" in name for name in names) else None


def weights_of(part: Path) -> list[Path]:
    """The files from which a part's weights are read."""
    half = weights_variant(part) is not None
    return [path for path in sorted(part.glob("*.safetensors")) if half or ".fp16" not in path.name]


def weights_count(part: Path) -> int:
    """Number of weights in the files of a part, from their headers; 0 if they cannot be read."""
    from safetensors import SafetensorError, safe_open

    count = 0
    try:
        for path in weights_of(part):
            with safe_open(path, framework="np") as file:
                shapes = (file.get_slice(name).get_shape() for name in file.keys())  # noqa: SIM118
                count += sum(math.prod(shape) for shape in shapes)
    except (OSError, SafetensorError):  # loading reports what is wrong with them
        return 0
    return count


def _from_hub(model: str, revision: str) -> Path:
    revision = revision or REVISIONS.get(model, "")
    if not is_commit(revision):
        raise ValueError(
            f"The hub model '{model}' needs a fixed revision: a commit of 40 "
            f"hexadecimal digits (--set revision=...), got '{revision}'."
        )
    converted = home() / "models" / model.replace("/", "--") / revision
    if converted.is_dir():
        return converted
    index = _download(model, revision, (INDEX,)) / INDEX
    if index.is_file():
        network = check_index(read_json(index, index.parent), model).part
    elif (index.parent / "unet").is_dir():  # cached without it, and the hub is unreachable
        network = "unet"
    else:
        raise ValueError(
            f"The hub model '{model}' has no {INDEX}, so it is not in diffusers' layout; some "
            "models are published a second time under a name that ends in -Diffusers."
        )
    files = (INDEX, *(f"{part}/*.{end}" for part in (network, *PARTS) for end in ENDS))
    fetched = _download(model, revision, files)
    networks = (network, "vae", "text_encoder")
    pickled = [part for part in networks if not any((fetched / part).glob("*.safetensors"))]
    if not pickled:
        return fetched
    fetched = _download(model, revision, (*files, *(f"{part}/*.bin" for part in pickled)))
    return _convert(fetched, converted, (network, *PARTS))


def _download(model: str, revision: str, patterns: tuple[str, ...]) -> Path:
    # Half-precision variants and other frameworks' copies would double the download.
    ignored = ("*.fp16.*", "*.fp16-*", "*.msgpack", "*.h5", "*.onnx")
    instead = (
        "Copy the model's folder to this machine and give its path as the model, or use the "
        "embedded one (model=emoji)."
    )
    return snapshot(model, revision, instead, files=patterns, ignored=ignored)


def _convert(fetched: Path, target: Path, parts: tuple[str, ...]) -> Path:
    """Rewrite pickled weights as safetensors, once; the result is never left half written.

    PyTorch reads them with `weights_only`, which runs no code from the file.
    """
    import torch
    from safetensors.torch import save_file

    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=target.parent, prefix=".tmp-"))
    try:
        if (fetched / INDEX).is_file():
            shutil.copyfile(fetched / INDEX, temporary / INDEX)
        for part in (name for name in parts if (fetched / name).is_dir()):
            shutil.copytree(
                fetched / part, temporary / part, ignore=shutil.ignore_patterns("*.bin")
            )
            if any((fetched / part).glob("*.safetensors")):
                continue
            for weights in (fetched / part).glob("*.bin"):
                state = torch.load(weights, map_location="cpu", weights_only=True)
                name = "model" if part == "text_encoder" else weights.stem
                # A safetensors file cannot hold tensors that share memory.
                apart = {key: value.clone().contiguous() for key, value in state.items()}
                save_file(apart, temporary / part / f"{name}.safetensors", {"format": "pt"})
        temporary.rename(target)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    return target
