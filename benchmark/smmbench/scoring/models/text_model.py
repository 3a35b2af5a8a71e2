"""A CLIP model, of open_clip or of transformers, that embeds frames and prompts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import torch
from jaxtyping import Float32, UInt8
from PIL import Image

from smmbench.errors import raise_if_machine
from smmbench.plugins import did_you_mean, load_offered, no_such, offered
from smmbench.scoring.models.clip_folder import is_transformers_folder, load_clip_folder
from smmbench.scoring.models.encoders import Encoders, WeightsUnavailableError
from smmbench.storage.home import folder_sha256
from smmbench.storage.hub_snapshot import quiet_retries
from smmbench.storage.local_paths import without_path
from smmbench.storage.weights_hash import tensors_sha256, weights_files

GROUP = "smmbench.models"
BATCH = 16
"""Number of frames in each pass of the network; smaller batches are padded with black frames.

The exact output of a network depends on the shape of its input, since libraries choose their
kernels by it. With a single shape, and one thread on a CPU, an embedding depends only on its frame
and the device, not on the length of its clip or on the number of scoring processes.
"""


class TextModel:
    """Embeds frames and prompts in the same space.

    Args:
        spec: A model that a distribution bundles (`emoji-clip`), a folder in open_clip's layout
            (`open_clip_config.json` and its weights), a folder of a CLIPModel of transformers
            with its tokenizer and image processor, or an open_clip name with a pretrained tag
            or a local weights file (`ViT-B-32:openai`, `ViT-B-32:/path/weights.safetensors`).
            Weights trained by OpenAI need a `-quickgelu` name when they are given as a file;
            for a tag the name is looked up. A folder in both layouts is loaded by open_clip.
        device: Device of the model.

    Raises:
        LookupError: There is no such model.
        WeightsUnavailableError: Its weights are unavailable.
    """

    def __init__(self, spec: str, device: str) -> None:
        self.spec = spec
        self.device = device
        self._loaded = _load(spec, device)

    @property
    def context_length(self) -> int:
        """Number of tokens of a prompt that the model reads, including begin and end marks."""
        return self._loaded.context_length

    def origin(self) -> dict[str, Any]:
        """Everything on which embeddings depend, besides pixels and prompt."""
        return {
            "text_model": without_path(self.spec),  # its weights identify it
            "version": 1,
            "weights": self._loaded.weights,
            "preprocess": self._loaded.preprocessing,
            "context_length": self.context_length,
            **self._loaded.library,
        }

    def embed_frames(
        self, frames: UInt8[np.ndarray, "time height width 3"], batch: int = BATCH
    ) -> Float32[np.ndarray, "time features"]:
        """Embeddings of RGB frames, not normalised.

        Each frame is resized and cropped as in the model's training: with most models the shorter
        side fits and the rest of the longer side is cut off.
        """
        parts = []
        for start in range(0, len(frames), batch):
            images = [Image.fromarray(frame) for frame in frames[start : start + batch]]
            pixels = torch.stack([self._loaded.preprocess(image) for image in images])
            filled = torch.cat([pixels, pixels.new_zeros(batch - len(pixels), *pixels.shape[1:])])
            with torch.inference_mode(), full_precision(), one_thread(self.device):
                embedded = self._loaded.encode_image(filled.to(self.device))
            parts.append(embedded[: len(pixels)].float().cpu())
        return torch.cat(parts).numpy()

    def embed_text(self, prompt: str) -> Float32[np.ndarray, " features"]:
        """Embedding of a prompt without a prefix, not normalised."""
        tokens = self._tokens(prompt, self.context_length).to(self.device)
        with torch.inference_mode(), full_precision(), one_thread(self.device):
            return self._loaded.encode_text(tokens)[0].float().cpu().numpy()

    def tokens(self, prompt: str) -> tuple[int, ...]:
        """The tokens that the model reads; prompts with equal tokens are identical to it."""
        return tuple(int(token) for token in self._tokens(prompt, self.context_length)[0])

    def cuts(self, prompt: str) -> bool:
        """Whether the prompt is longer than the model reads; its end is then ignored."""
        room = self.context_length
        enough = room + len(prompt.encode()) + 8  # no tokenizer gives more tokens than bytes
        read = self._tokens(prompt, room)[0]
        whole = self._tokens(prompt, enough)[0]
        padding = whole[-1]
        return bool((whole[:room] != read).any() or (whole[room:] != padding).any())

    def _tokens(self, prompt: str, length: int) -> torch.Tensor:
        return self._loaded.tokenize(prompt, length)


def _load(spec: str, device: str) -> Encoders:
    if spec in offered(GROUP):
        return _load_folder(_offered_folder(spec), device)
    if Path(spec).expanduser().is_dir():
        return _load_folder(Path(spec).expanduser(), device)
    name, _, weights = spec.partition(":")
    if name not in open_clip.list_models():
        meant = did_you_mean(name, [*offered(GROUP), *open_clip.list_models()])
        raise LookupError(  # the list of all names is too long
            f"No text model '{spec}'.{meant} Name one of {', '.join(offered(GROUP)) or 'none'}, a "
            "folder in the layout of open_clip or of transformers, or an open_clip model as "
            "NAME:TAG or NAME:/path."
        )
    if Path(weights).expanduser().is_file():
        return _load_file(name, Path(weights).expanduser(), device)
    return _load_tag(name, weights, device)


def _offered_folder(name: str) -> Path:
    folder = Path(load_offered(GROUP, name, "model")())
    if not folder.is_dir():
        raise WeightsUnavailableError(f"The model '{name}' is not installed: no folder '{folder}'.")
    return folder


def _load_folder(folder: Path, device: str) -> Encoders:
    files = weights_files(folder)
    if not (folder / "open_clip_config.json").is_file() or not files:
        if is_transformers_folder(folder):
            return load_clip_folder(folder, device)
        raise WeightsUnavailableError(
            f"'{folder}' is not a folder of a text model: needed are either "
            "open_clip_config.json and a .safetensors file, as open_clip writes them, or "
            "config.json, weights, tokenizer and image processor of a CLIP, as transformers does."
        )
    # Configuration and tokenizer matter equally.
    weights = {"weights": _weights(files)} | folder_sha256(folder, "*.json")
    return _create(f"local-dir:{folder}", None, weights, device)


def _load_file(name: str, path: Path, device: str) -> Encoders:
    return _create(name, str(path), {"weights": _weights([path])}, device)


def _load_tag(name: str, tag: str, device: str) -> Encoders:
    tags = open_clip.list_pretrained_tags_by_model(name)
    known = open_clip.get_pretrained_cfg(name, tag)
    if not known:
        raise LookupError(no_such(f"file or pretrained weights of {name}", tag, tags))
    try:
        with quiet_retries(f"The text model {name}:{tag}"):
            path = Path(open_clip.download_pretrained(known))
    except Exception as error:  # network, hub and disk raise many kinds of errors
        raise_if_machine(error)
        raise WeightsUnavailableError(
            f"The weights '{tag}' of {name} cannot be fetched: {type(error).__name__}: "
            f"{_first_line(error)} Fetch them where there is a network (open_clip keeps them in "
            f"the hub's cache, HF_HOME), or name a local file as {name}:/path. HF_HUB_OFFLINE=1 "
            "avoids waiting for an unreachable hub."
        ) from error
    return _create(
        name,
        tag,
        {"weights": _weights([path])},
        device,
        force_quick_gelu=bool(known.get("quick_gelu", False)),  # open_clip itself only warns
    )


def _weights(files: Sequence[Path]) -> str:
    try:
        return tensors_sha256(files)
    except ValueError as error:
        raise WeightsUnavailableError(f"The text model does not load: {error}") from error


def _create(
    name: str, pretrained: str | None, weights: dict[str, str], device: str, **options: Any
) -> Encoders:
    try:
        model, _, preprocess = open_clip.create_model_and_transforms(
            name, pretrained=pretrained, precision="fp32", device=device, **options
        )
        tokenizer = open_clip.get_tokenizer(name)
    except Exception as error:  # a broken file raises any error of its format
        raise WeightsUnavailableError(
            f"The text model '{name}' does not load: {type(error).__name__}: {_first_line(error)}"
        ) from error
    if device == "cpu":  # convolutions are 1.5 times as fast in this layout
        model.visual.to(memory_format=torch.channels_last)
    model.eval()
    return Encoders(
        encode_image=model.encode_image,
        encode_text=model.encode_text,
        preprocess=preprocess,
        tokenize=lambda prompt, length: tokenizer([prompt], context_length=length),
        context_length=int(tokenizer.context_length),
        preprocessing=_plain(model.visual.preprocess_cfg),
        weights=weights,
        library={"open_clip": open_clip.__version__},
    )


def full_precision() -> AbstractContextManager[None]:
    """Disable TF32 and algorithm selection by speed, so that a GPU gives the results of a CPU."""
    return torch.backends.cudnn.flags(
        enabled=True, benchmark=False, deterministic=True, allow_tf32=False
    )


@contextmanager
def one_thread(device: str) -> Iterator[None]:
    """Compute with one thread on a CPU, since the number of threads affects the rounding of sums.

    Scoring uses several cores with several processes.
    """
    if device != "cpu":
        yield
        return
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0]


def _plain(value: Any) -> Any:
    """The same value with lists instead of tuples, as in JSON."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, (list, tuple)) else value
