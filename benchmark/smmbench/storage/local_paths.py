"""Names of models and trackers without the paths of one machine."""

from __future__ import annotations

LOCAL = "local"
"""Replacement for a path; the hash next to it identifies the weights."""

_WEIGHTS = (".bin", ".ckpt", ".pt", ".pth", ".safetensors")


def without_path(spec: str) -> str:
    """Give a model's or tracker's name with `local` where it has a path of this machine.

    `dis`, `emoji-clip` and `ViT-B-32:openai` stay; `ViT-B-32:/path/weights.pt` becomes
    `ViT-B-32:local`, and the path of a folder becomes `local`.
    """
    name, colon, rest = spec.partition(":")
    if _is_path(name):
        return LOCAL
    return f"{name}:{LOCAL}" if colon and _is_path(rest) else spec


def is_local(spec: str) -> bool:
    """Whether a name that `without_path` gave had a path."""
    return spec == LOCAL or spec.endswith(f":{LOCAL}")


def _is_path(text: str) -> bool:
    return text.startswith(("~", ".")) or "/" in text or "\\" in text or text.endswith(_WEIGHTS)
