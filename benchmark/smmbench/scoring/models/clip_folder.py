"""A CLIP in the layout of transformers, as its `save_pretrained` and the Hugging Face hub have it.

Pixels are resized by PIL and not by torchvision, as open_clip does it: an embedding then depends
neither on the device nor on the vector instructions of a processor.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from smmbench.scoring.models.encoders import Encoders, WeightsUnavailableError
from smmbench.scoring.models.hub_model import HubFolder, WeightsMissingError
from smmbench.scoring.models.loading import load_from
from smmbench.storage.home import folder_sha256
from smmbench.storage.weights_hash import tensors_sha256

PREPROCESSING = (
    "do_resize", "size", "resample", "do_center_crop", "crop_size", "do_rescale",
    "rescale_factor", "do_normalize", "image_mean", "image_std", "do_convert_rgb",
)  # fmt: skip
LEGACY_END = 2
"""End token in older configurations: transformers then pools at the largest token."""

_ODD = (40, 30)  # width and height of the image that preprocessing is tried with


def is_transformers_folder(folder: Path) -> bool:
    """Whether a folder has the configuration of a model of transformers."""
    return (folder / "config.json").is_file()


def load_clip_folder(folder: Path, device: str) -> Encoders:
    """Load a CLIP that `CLIPModel.save_pretrained` and `CLIPProcessor.save_pretrained` wrote.

    Args:
        folder: Holds `config.json`, weights (safetensors or `pytorch_model.bin`, whole or in
            shards), a tokenizer and the image processor's configuration.
        device: Where to compute, in float32.

    Raises:
        WeightsUnavailableError: It is another model, or not a whole one; the message says which
            file is missing or wrong.
    """
    config = _json_of(folder / "config.json")
    _refuse_others(folder, config)
    files = _weights(folder)
    _refuse_incomplete(folder)
    try:
        weights = {"weights": tensors_sha256(files)}
    except ValueError as error:
        raise WeightsUnavailableError(f"The text model does not load: {error}") from error
    for pattern in ("*.json", "*.txt"):
        weights |= folder_sha256(folder, pattern)
    return _encoders(folder, weights, device)


def _encoders(folder: Path, weights: dict[str, str], device: str) -> Encoders:
    import transformers  # only here: it takes seconds

    images: Any = transformers.AutoImageProcessor
    try:
        model, tokenizer = load_from(
            HubFolder(folder, {}),
            transformers.CLIPModel,
            transformers.AutoTokenizer,
            pickles=True,
        )
        processor = images.from_pretrained(folder, backend="pil", local_files_only=True)
    except WeightsMissingError as error:
        raise WeightsUnavailableError(str(error)) from error
    except Exception as error:  # a broken file raises whatever its format raises
        first = (str(error).splitlines() or [""])[0]
        raise WeightsUnavailableError(
            f"The image processor in '{folder}' does not load: {type(error).__name__}: {first}"
        ) from error
    _refuse_other_words(folder, model.config.text_config, tokenizer)
    model = model.to(device)

    def preprocess(image: Image.Image) -> torch.Tensor:
        pixels: torch.Tensor = processor(images=image, return_tensors="pt")["pixel_values"][0]
        return pixels

    def tokenize(prompt: str, length: int) -> torch.Tensor:
        fixed = {"padding": "max_length", "truncation": True, "max_length": length}
        tokens: torch.Tensor = tokenizer([prompt], return_tensors="pt", **fixed)["input_ids"]
        return tokens

    _refuse_other_size(folder, preprocess, model.config.vision_config.image_size)
    described = processor.to_dict()
    return Encoders(
        encode_image=lambda pixels: _features(model.get_image_features(pixel_values=pixels)),
        # Without a mask: what is read of a prompt ends before its padding.
        encode_text=lambda tokens: _features(model.get_text_features(input_ids=tokens)),
        preprocess=preprocess,
        tokenize=tokenize,
        context_length=int(model.config.text_config.max_position_embeddings),
        preprocessing=json.loads(json.dumps({name: described.get(name) for name in PREPROCESSING}))
        | {"resized_by": "PIL"},
        weights=weights,
        library={"transformers": transformers.__version__},
    )


def _features(given: Any) -> torch.Tensor:
    """Projected features, which versions of transformers return by themselves or in an output."""
    features: torch.Tensor = given if isinstance(given, torch.Tensor) else given.pooler_output
    return features


def _json_of(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text("utf-8"))
        if not isinstance(content, dict):
            raise ValueError("it is not an object of JSON")
    except (OSError, ValueError) as error:
        raise WeightsUnavailableError(
            f"'{path}' is not the configuration of a model ({error}). Download the folder again, "
            "with its large files (`hf download REPOSITORY --local-dir FOLDER`)."
        ) from error
    return content


def _refuse_others(folder: Path, config: dict[str, Any]) -> None:
    kind = str(config.get("model_type") or "unnamed")
    classes = [str(name) for name in config.get("architectures") or ()]
    if kind == "clip" and (not classes or "CLIPModel" in classes):
        return
    said = f"'{kind}'" + (f" ({', '.join(classes)})" if classes else "")
    raise WeightsUnavailableError(
        f"The model in '{folder}' is of the type {said}. Of transformers only a whole CLIP is "
        "loaded: the type 'clip' with the architecture CLIPModel, such as "
        "openai/clip-vit-base-patch32. For other architectures name an open_clip model, such as "
        "ViT-B-16-SigLIP:webli."
    )


def _weights(folder: Path) -> list[Path]:
    """The files of weights that transformers reads, in the order in which it looks for them."""
    for name in ("model.safetensors", "pytorch_model.bin"):
        index = folder / f"{name}.index.json"
        if (folder / name).is_file():
            return [folder / name]
        if index.is_file():
            named = _json_of(index).get("weight_map", {})
            shards = sorted({folder / str(shard) for shard in named.values()})
            if missing := [shard.name for shard in shards if not shard.is_file()]:
                raise WeightsUnavailableError(
                    f"'{index}' names files that are not there: {', '.join(missing)}."
                )
            return shards
    raise WeightsUnavailableError(
        f"'{folder}' has the configuration of a CLIP, but no weights: model.safetensors or "
        "pytorch_model.bin is needed, or an index of such files."
    )


def _refuse_incomplete(folder: Path) -> None:
    def has(*names: str) -> bool:
        return all((folder / name).is_file() for name in names)

    missing = []
    if not has("tokenizer.json") and not has("vocab.json", "merges.txt"):
        missing.append("a tokenizer (tokenizer.json, or vocab.json with merges.txt)")
    if not has("preprocessor_config.json") and not has("processor_config.json"):
        missing.append(
            "the image processor's configuration (preprocessor_config.json or "
            "processor_config.json)"
        )
    if missing:
        raise WeightsUnavailableError(
            f"'{folder}' holds a CLIP, but lacks {' and '.join(missing)}. "
            "`CLIPProcessor.save_pretrained` writes both."
        )


def _refuse_other_words(folder: Path, config: Any, tokenizer: Any) -> None:
    """Refuse a tokenizer of another model, with which a text would be pooled at a wrong place."""
    end = tokenizer.eos_token_id
    if len(tokenizer) <= config.vocab_size and config.eos_token_id in (LEGACY_END, end):
        return
    raise WeightsUnavailableError(
        f"The tokenizer in '{folder}' is not that of its model: it has {len(tokenizer)} tokens "
        f"and ends a text with {end}, and the model reads {config.vocab_size} tokens and expects "
        f"{config.eos_token_id} at the end."
    )


def _refuse_other_size(folder: Path, preprocess: Any, wanted: int) -> None:
    shape = tuple(preprocess(Image.new("RGB", _ODD)).shape)
    if shape != (3, wanted, wanted):
        raise WeightsUnavailableError(
            f"The image processor in '{folder}' is not that of its model: it makes images of "
            f"{' x '.join(map(str, shape))}, and the model reads 3 x {wanted} x {wanted}."
        )
