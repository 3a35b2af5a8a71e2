"""What a model's folder contains, read from `model_index.json` before anything else is fetched."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from smmbench.diffusion.codecs import CODECS, Codec
from smmbench.diffusion.families import FAMILIES, Family
from smmbench.diffusion.schedulers import check_scheduler
from smmbench.diffusion.text import TEXT_ENCODERS, TextEncoder

INDEX = "model_index.json"


@dataclass(frozen=True)
class Layout:
    """The parts of a model's folder.

    Attributes:
        folder: The folder.
        family: Family of the network.
        codec: Class for the autoencoder in `vae/`.
        text: Class for the text encoder in `text_encoder/`.
    """

    folder: Path
    family: Family
    codec: type[Codec]
    text: type[TextEncoder]


def read_layout(folder: Path) -> Layout:
    """Determine a model's family and the classes of its parts.

    The index states them; without an index they are taken from the configurations of the parts.

    Raises:
        ValueError: A part is missing, or its class is not supported; the message names
            the class and what is supported.
    """
    index = read_json(folder / INDEX, folder) if (folder / INDEX).is_file() else {}
    names = {
        part: _class_of(read_json(folder / part / "config.json", folder))
        for part in ("unet", "transformer", "vae", "text_encoder")
        if (folder / part / "config.json").is_file()
    }
    family = check_index(index or {part: ["", name] for part, name in names.items()}, str(folder))
    for part in (family.part, "vae", "text_encoder"):
        read_json(folder / part / "config.json", folder)  # names a missing one
    if names[family.part] != family.network:
        raise ValueError(
            f"{folder / family.part} holds a {names[family.part]}; {INDEX} says {family.network}."
        )
    return Layout(
        folder,
        family,
        _one_of(CODECS, names["vae"], folder / "vae"),
        _one_of(TEXT_ENCODERS, names["text_encoder"], folder / "text_encoder"),
    )


def check_index(index: Mapping[str, Any], model: str) -> Family:
    """Determine a model's family from its index.

    Args:
        index: Content of `model_index.json`: library and class of each part.
        model: Name of the model in an error.

    Raises:
        ValueError: Its family is not supported, or it takes more than text; the message names
            it, and what is supported.
    """
    pipeline = str(index.get("_class_name") or "")
    parts = {part: _named(value) for part, value in index.items() if _named(value)}
    network = parts.get("transformer") or parts.get("unet") or ""
    family = next((one for one in FAMILIES if parts.get(one.part) == one.network), None)
    called = " with a ".join(name for name in (pipeline, network) if name) or "of no class at all"
    if family is None or (pipeline and pipeline not in family.pipelines):
        raise ValueError(f"The model '{model}' is {called}; {supported()} {_layout(family)}")
    for part, why in {
        "transformer_2": "has a second transformer for low noise levels (Wan2.2)",
        "image_encoder": "also takes a first image",
        "motion_adapter": "adds motion layers to an image model",
    }.items():
        if part in parts:
            raise ValueError(f"The model '{model}' ({called}) {why}; {supported()}")
    if index.get("expand_timesteps"):
        raise ValueError(
            f"The model '{model}' ({called}) takes a timestep per position (Wan2.2-TI2V); "
            f"{supported()}"
        )
    if "scheduler" in parts:
        check_scheduler(parts["scheduler"], {}, model)
    return family


def supported() -> str:
    """The supported families, in a sentence."""
    return "supported: " + "; ".join(f"{one.title} by {one.network}" for one in FAMILIES) + "."


def read_json(path: Path, folder: Path) -> Mapping[str, Any]:
    """Read the configuration of a model's part.

    Raises:
        ValueError: It is missing or not a JSON object.
    """
    if not path.is_file():
        raise ValueError(f"{folder} has no {path.relative_to(folder)}. {_layout(None)}")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is not JSON: {error}") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path} must hold a JSON object, got {type(content).__name__}.")
    return content


def _layout(family: Family | None) -> str:
    part = family.part if family else "unet/ or transformer"
    return f"A model's folder has {part}/, vae/, text_encoder/, tokenizer/ and scheduler/."


def _class_of(config: Mapping[str, Any]) -> str:
    return str(config.get("_class_name") or ", ".join(config.get("architectures") or ["no class"]))


def _named(value: Any) -> str:
    """Name of a part's class; empty for an option, and for a part that is left out."""
    return str(value[1] or "") if isinstance(value, list) and len(value) == 2 else ""


def _one_of(classes: Any, name: str, where: Path) -> Any:
    for one in classes:
        if one.network_class == name:
            return one
    raise ValueError(
        f"{where} holds a {name}; the supported classes are "
        f"{', '.join(one.network_class for one in classes)}."
    )
