"""A cache folder of bounded size: the least recently used entries are removed first.

`SMMBENCH_LATENT_CACHE_GB` is the limit of each such folder (default 20; 0 disables the cache).
"""

from __future__ import annotations

import math
import os
import warnings
from pathlib import Path

from safetensors import SafetensorError

from smmbench.storage.tensor_cache import Entry, write_entry

LIMIT = "SMMBENCH_LATENT_CACHE_GB"


def cache_bytes() -> int:
    """Return the limit in bytes; 0 disables the cache.

    Raises:
        ValueError: The environment variable is not a number of 0 or more.
    """
    told = os.environ.get(LIMIT) or "20"
    try:
        gigabytes = float(told)
    except ValueError:
        gigabytes = math.nan
    if not 0 <= gigabytes < math.inf:
        raise ValueError(f"{LIMIT} must be a number of gigabytes, 0 or more, got '{told}'.")
    return int(gigabytes * 1e9)


def write_within(path: Path, entry: Entry, limit: int) -> None:
    """Store an entry if it fits the limit, and remove the least recently used ones."""
    if sum(x.nbytes for x in entry.tensors.values()) > limit:
        return
    try:
        write_entry(path, entry)
        _trim(path.parent, limit)
    except (OSError, SafetensorError) as error:  # continue with the result of minutes of work
        what = path.parent.name.capitalize()
        warnings.warn(f"{what} cannot be cached in {path.parent}: {error}", stacklevel=2)


def _trim(folder: Path, limit: int) -> None:
    """Remove the least recently used files until the others fit."""
    found = []
    for path in folder.glob("*.safetensors"):
        try:
            told = path.stat()
        except FileNotFoundError:  # another run has let it go
            continue
        found.append((told.st_mtime_ns, told.st_size, path))
    held = sum(size for _, size, _ in found)
    for _, size, path in sorted(found):
        if held <= limit:
            return
        path.unlink(missing_ok=True)
        held -= size
