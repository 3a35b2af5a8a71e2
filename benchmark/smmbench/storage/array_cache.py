"""Cache of arrays that are computed once: tracks and embeddings."""

from __future__ import annotations

import hashlib
import json
import warnings
import zipfile
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from smmbench.storage.atomic import atomic_path
from smmbench.storage.home import home

Arrays = dict[str, np.ndarray]


def origin_key(origin: Mapping[str, Any]) -> str:
    """SHA-256 of a JSON value; the order of its keys does not matter."""
    text = json.dumps(origin, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def cached_arrays(kind: str, origin: Mapping[str, Any], compute: Callable[[], Arrays]) -> Arrays:
    """Return the cached arrays for this origin, or compute and cache them.

    An entry that cannot be read completely (zip files contain checksums) is recomputed, so nobody
    waits for the disk. If nothing can be written, nothing is cached, and one warning says so.

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
    try:
        with atomic_path(path, durable=False) as temporary, temporary.open("wb") as file:
            named: dict[str, Any] = dict(arrays)
            np.savez(file, **named)  # no `allow_pickle`: NumPy 1.26 takes it for one more array
    except OSError as error:  # a read-only or full disk: continue with the computed arrays
        _not_kept(str(home()), error.strerror or str(error))
    return arrays


@lru_cache(maxsize=16)
def _not_kept(place: str, why: str) -> None:
    """Say it once."""
    warnings.warn(
        f"Tracks and embeddings cannot be cached below '{place}' ({why}) and will be recomputed; "
        "set SMMBENCH_HOME to a writable folder.",
        stacklevel=3,
    )


def _read(path: Path) -> Arrays | None:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            return dict(stored.items())
    except (FileNotFoundError, ValueError, OSError, EOFError, KeyError, zipfile.BadZipFile):
        return None
