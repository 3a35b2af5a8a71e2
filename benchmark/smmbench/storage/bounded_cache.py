"""A folder of entries that is bounded: what was used longest ago goes first.

`SMMBENCH_LATENT_CACHE_GB` is the bound of each such folder (default 20; 0 keeps nothing).
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
    """How much may be kept, in bytes; 0: nothing.

    Raises:
        ValueError: The environment variable is no number of 0 or more.
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
    """Keep an entry, if it fits the bound, and let go of what was used longest ago."""
    if sum(x.nbytes for x in entry.tensors.values()) > limit:
        return
    try:
        write_entry(path, entry)
        _trim(path.parent, limit)
    except (OSError, SafetensorError) as error:  # minutes of work are in hand: go on with them
        what = path.parent.name.capitalize()
        warnings.warn(f"{what} are not kept in {path.parent}: {error}", stacklevel=2)


def _trim(folder: Path, limit: int) -> None:
    """Remove the files that were used longest ago until the others fit."""
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
