"""Untrusted files are rejected before they fill the memory."""

from __future__ import annotations

import io
import json
import os
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smmbench.storage.bounded_npz import bounded_arrays
from smmbench.storage.strict_json import JsonLimits, UnsafeJsonError, read_bounded, strict_json

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text("abc"), inner),
    max_leaves=20,
)


@given(JSON)
def test_sound_json_comes_back(value: object) -> None:
    assert strict_json(json.dumps(value).encode()) == value


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"[" * 100_000, "too deeply"),
        (b"[" * 40 + b"]" * 40, "more than 32 deep"),
        (b'{"a": 1, "a": 2}', "the key 'a' twice"),
        (b"[NaN]", "NaN"),
        (b"[-Infinity]", "-Infinity"),
        (b"[1e999]", "beyond all"),
        (b"[" + b"9" * 400 + b"]", "400 digits"),
        (b'["\\ud800"]', "half a surrogate"),
        (b'"' + b"x" * 200_000 + b'"', "more than 100000 characters"),
        (b"\xff", "not in UTF-8"),
        (b"{", "not JSON"),
        (b" " * (5 << 20), "more than"),
    ],
)
def test_unsafe_json_is_refused_and_says_why(text: bytes, why: str) -> None:
    with pytest.raises(UnsafeJsonError, match=why):
        strict_json(text)


def test_neither_large_files_nor_pipes_are_read(tmp_path: Path) -> None:
    limits = JsonLimits(size=10)
    (tmp_path / "large").write_bytes(b"x" * 11)
    os.mkfifo(tmp_path / "pipe")
    for name, why in (("large", "more than 10 bytes"), ("pipe", "not a regular file")):
        with pytest.raises(UnsafeJsonError, match=why):
            read_bounded(tmp_path / name, limits)
    with pytest.raises(FileNotFoundError):
        read_bounded(tmp_path / "none", limits)


def npz(path: Path, content: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.npy", content)
    return path


def test_arrays_come_back_as_they_were_written(tmp_path: Path) -> None:
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    np.savez_compressed(tmp_path / "a.npz", a=array, b=np.zeros(10**6))
    found = bounded_arrays(tmp_path / "a.npz", {"a": 24})
    assert list(found) == ["a"] and np.array_equal(found["a"], array)
    with pytest.raises(ValueError, match="more than 23"):
        bounded_arrays(tmp_path / "a.npz", {"a": 23})


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    file = io.BytesIO()
    np.save(file, np.zeros(100 << 20, dtype=bool))
    path = npz(tmp_path / "bomb.npz", file.getvalue())
    del file
    tracemalloc.start()
    with pytest.raises(ValueError, match="more than 1000"):
        bounded_arrays(path, {"a": 1000})
    assert tracemalloc.get_traced_memory()[1] < 10 << 20
    tracemalloc.stop()


@pytest.mark.parametrize("shape", ["(1000000, 1000000, 1000000)", "(5,)"])
def test_headers_that_lie_or_hold_objects(tmp_path: Path, shape: str) -> None:
    kind = "|O" if shape == "(5,)" else "|b1"
    text = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    header = b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()
    with pytest.raises(ValueError, match="bytes of numbers"):
        bounded_arrays(npz(tmp_path / "x.npz", header + bytes(64)), {"a": 1000})
