"""Read arrays of an npz file with a size limit that is checked before unpacking."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Shaped

HEADER = 16_384  # bytes, more than NumPy's own headers have


def bounded_arrays(path: Path, largest: Mapping[str, int]) -> dict[str, Shaped[np.ndarray, ...]]:
    """Read arrays of numbers from an npz file.

    NumPy reads what the file states, so that some kilobytes could fill the memory.

    Args:
        path: The file.
        largest: Bytes that each array may have at most, by its name; only these are read.

    Raises:
        ValueError: It is not an npz file, lacks an array, or one is larger or holds objects.
        OSError: It cannot be read.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return {name: _array(archive, name, most) for name, most in largest.items()}
    except (KeyError, EOFError, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise ValueError(f"it is not an npz file with {', '.join(largest)}: {error}") from error


def _array(archive: zipfile.ZipFile, name: str, most: int) -> Shaped[np.ndarray, ...]:
    member = archive.getinfo(f"{name}.npy")
    if member.file_size > most + HEADER:
        raise ValueError(f"'{name}' has {member.file_size} bytes, more than {most}")
    with archive.open(member) as file:
        version = np.lib.format.read_magic(file)
        if version not in {(1, 0), (2, 0)}:
            raise ValueError(f"'{name}' is of version {version} of NumPy's format")
        read = (
            np.lib.format.read_array_header_1_0
            if version == (1, 0)
            else np.lib.format.read_array_header_2_0
        )
        shape, _, kind = read(file)
    if kind.hasobject or math.prod(shape) * kind.itemsize > most:
        raise ValueError(f"'{name}' is {kind} of shape {shape}, more than {most} bytes of numbers")
    with archive.open(member) as file:
        return np.asarray(np.lib.format.read_array(file, allow_pickle=False))
