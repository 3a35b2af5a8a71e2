"""Arrays that are computed once and kept on disk: tracks and embeddings."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from smmbench.atomic import atomic_path
from smmbench.home import home

Arrays = dict[str, np.ndarray]


def origin_key(origin: Mapping[str, Any]) -> str:
    """SHA-256 of a JSON value; the order of its keys does not matter."""
    text = json.dumps(origin, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def cached_arrays(kind: str, origin: Mapping[str, Any], compute: Callable[[], Arrays]) -> Arrays:
    """Give the arrays that were kept for this origin, or compute and keep them.

    An entry that cannot be read whole (zip files carry checksums) is made again.

    Args:
        kind: Folder below the cache: `tracks` or `embeddings`.
        origin: Everything that the arrays depend on, pixels and weights by their hashes.
        compute: Makes them; called at most once.
    """
    key = origin_key(origin)
    path = home() / "cache" / kind / key[:2] / f"{key}.npz"
    kept = _read(path)
    if kept is not None:
        return kept
    arrays = compute()
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)
    return arrays


def _read(path: Path) -> Arrays | None:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            return dict(stored.items())
    except (FileNotFoundError, ValueError, OSError, EOFError, KeyError, zipfile.BadZipFile):
        return None
