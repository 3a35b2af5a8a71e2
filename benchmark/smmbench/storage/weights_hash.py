"""Identify weights by the SHA-256 of their tensors, regardless of files and folders.

The same tensors have the same hash in one file or in several, as safetensors or in PyTorch's
format, under any path. Large files take a while to hash, so hashes are cached by path, size and
time of modification.
"""

from __future__ import annotations

import errno
import hashlib
import json
import mmap
import struct
import time
import warnings
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from smmbench.storage.atomic import write_text
from smmbench.storage.home import home

SAFETENSORS = ".safetensors"
PICKLED = (".bin", ".ckpt", ".pt", ".pth")  # read by PyTorch with `weights_only`: no code runs

_RACY = 2.0
"""Seconds: a file that changed this recently may change again without a change of its time."""


@dataclass(frozen=True)
class _Hashed:
    """One tensor: its name, and the SHA-256 of its type, shape and values."""

    name: str
    sha256: str


def tensors_sha256(files: Path | Iterable[Path]) -> str:
    """SHA-256 of all tensors of weights files, in the order of the tensors' names.

    Args:
        files: One file, or all files that a network's weights are split into.

    Raises:
        ValueError: There is no file, one is not a whole file of weights, or two hold a tensor of
            one name; the message says which.
        OSError: One cannot be read.
    """
    paths = [files] if isinstance(files, Path) else sorted(files)
    if not paths:
        raise ValueError("There is no file of weights to hash.")
    tensors: dict[str, str] = {}
    for path in paths:
        for one in _remembered(path):
            if tensors.setdefault(one.name, one.sha256) != one.sha256:
                raise ValueError(f"'{path}' holds other values of '{one.name}' than its neighbour.")
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(f"{name}\0{tensors[name]}\n".encode())
    return digest.hexdigest()


def weights_files(folder: Path) -> list[Path]:
    """Every .safetensors file below a folder, in the order of their paths."""
    return sorted(folder.rglob(f"*{SAFETENSORS}"))


def tensor_names(path: Path) -> list[str]:
    """Names of all tensors of one weights file; nested names are joined by dots.

    Raises:
        ValueError: It is not a whole file of weights; the message says what it is.
        OSError: It cannot be read.
    """
    return [one.name for one in _remembered(path)]


def _remembered(path: Path) -> list[_Hashed]:
    """The tensors of a file, hashed once as long as it does not change."""
    real = path.resolve()
    state = real.stat()
    mark = f"{real}\0{state.st_size}\0{state.st_mtime_ns}"
    place = home() / "cache" / "weights" / f"{hashlib.sha256(mark.encode()).hexdigest()}.json"
    with suppress(OSError, ValueError, TypeError):
        return [_Hashed(*pair) for pair in json.loads(place.read_text("utf-8"))]
    tensors = list(_tensors(real))
    if time.time() - state.st_mtime > _RACY:
        with suppress(OSError):  # a read-only or full disk: hashed again next time
            write_text(place, json.dumps([(one.name, one.sha256) for one in tensors]))
    return tensors


def _tensors(path: Path) -> Iterator[_Hashed]:
    readers: dict[str, Callable[[Path], Iterator[_Hashed]]] = {SAFETENSORS: _of_safetensors}
    readers |= dict.fromkeys(PICKLED, _of_pickled)
    if path.suffix not in readers:  # a blob of the hub's cache has no ending
        return _of_safetensors(path) if not zipfile.is_zipfile(path) else _of_pickled(path)
    return readers[path.suffix](path)


def _of_safetensors(path: Path) -> Iterator[_Hashed]:
    """Hash the tensors of a safetensors file where they lie; no library is loaded."""
    with path.open("rb") as file:
        size = path.stat().st_size
        try:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > min(size, 100 << 20):
                raise ValueError("the header is longer than the file")
            header: dict[str, Any] = json.loads(file.read(length))
            header.pop("__metadata__", None)
            begin = 8 + length
            ends = [begin + tensor["data_offsets"][1] for tensor in header.values()]
        except (ValueError, struct.error, KeyError, TypeError, AttributeError) as error:
            raise ValueError(_no_weights(path, "safetensors", error)) from error
        if max(ends, default=begin) != size:
            raise ValueError(
                f"'{path}' is truncated or longer than its header says. Download it again."
            )
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            view = memoryview(content)
            for name, tensor in header.items():
                first, last = (begin + offset for offset in tensor["data_offsets"])
                digest = hashlib.sha256(f"{tensor['dtype']}{tensor['shape']}\0".encode())
                with view[first:last] as values:
                    digest.update(values)
                yield _Hashed(name, digest.hexdigest())
            view.release()


def _of_pickled(path: Path) -> Iterator[_Hashed]:
    """Hash the tensors of a file that PyTorch saved; nested names are joined by dots."""
    import torch

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # an older form of pickle
            content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a broken file raises whatever its damage leads to
        if isinstance(error, OSError) and error.errno != errno.EINVAL:  # EINVAL: of a cut archive
            raise
        raise ValueError(_no_weights(path, "PyTorch", error)) from error
    found = dict(_leaves("", content))
    if not found:
        raise ValueError(f"'{path}' contains no tensor. Download the weights again.")
    for name, tensor in found.items():
        plain = tensor.detach().contiguous()
        digest = hashlib.sha256(f"{_NAMES[str(plain.dtype)]}{list(plain.shape)}\0".encode())
        if plain.numel():
            digest.update(plain.flatten().view(torch.uint8).numpy())
        yield _Hashed(name, digest.hexdigest())


def _leaves(prefix: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Every tensor of nested dictionaries and lists, with its path."""
    if hasattr(value, "detach") and hasattr(value, "dtype"):
        yield prefix, value
        return
    if isinstance(value, (dict, list, tuple)):
        for name, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _leaves(f"{prefix}.{name}" if prefix else str(name), inner)


def _no_weights(path: Path, form: str, error: Exception) -> str:
    kind, advice = _looks_like(path)
    reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
    if "weights only" in reason.lower():  # its advice is to let the file run code
        reason = "it holds Python objects, which are code, in addition to tensors"
    said = f"{kind}: {reason}" if kind == _UNKNOWN else kind
    return f"'{path}' does not hold weights in the form of {form} ({said}). {advice}"


_UNKNOWN = "it is damaged, or another kind of file"


def _looks_like(path: Path) -> tuple[str, str]:
    """What a file is that is no weights, of the things that people get instead, and what to do."""
    with path.open("rb") as file:
        begin = file.read(256)
    text = begin.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    again = "Download the weights again."
    if not begin:
        return "it is empty", again
    if text.startswith((b"<!doctype", b"<html", b"<head", b"<?xml")):
        return (
            "it is a web page, as a download that needs a sign-in or another address gives",
            "Download the file itself.",
        )
    if text.startswith(b"version https://git-lfs"):
        return (
            "it is a pointer of Git LFS, not the file that it points to",
            "Download the file itself, as `git lfs pull` does.",
        )
    if begin.startswith(b"\x93NUMPY") or _is_numpy_archive(path):
        return (
            "it is a file of NumPy arrays, as JAX models are saved",
            "Download the PyTorch weights.",
        )
    if begin.startswith(b"PK") and not zipfile.is_zipfile(path):
        return (
            f"it is truncated: {path.stat().st_size} bytes, and the index at its end is missing",
            again,
        )
    return _UNKNOWN, again


def _is_numpy_archive(path: Path) -> bool:
    if not zipfile.is_zipfile(path):
        return False
    with suppress(OSError, zipfile.BadZipFile), zipfile.ZipFile(path) as archive:
        return any(name.endswith(".npy") for name in archive.namelist())
    return False


# Names of element types as safetensors has them.
_NAMES = {
    "torch.float64": "F64",
    "torch.float32": "F32",
    "torch.float16": "F16",
    "torch.bfloat16": "BF16",
    "torch.int64": "I64",
    "torch.int32": "I32",
    "torch.int16": "I16",
    "torch.int8": "I8",
    "torch.uint8": "U8",
    "torch.bool": "BOOL",
    "torch.float8_e4m3fn": "F8_E4M3",
    "torch.float8_e5m2": "F8_E5M2",
}
