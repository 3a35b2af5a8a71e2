"""Results wait for the disk; entries of the cache do not, and are computed again if cut off."""

from __future__ import annotations

import errno
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from smmbench.storage.array_cache import Arrays, cached_arrays
from smmbench.storage.atomic import atomic_path, why_not_writable, write_text


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows whenever the disk is waited for."""
    waits: list[int] = []
    monkeypatch.setattr("os.fsync", waits.append)
    return waits


def test_a_result_waits_for_the_disk(tmp_path: Path, synced: list[int]) -> None:
    write_text(tmp_path / "scores.json", "{}")
    assert len(synced) >= 1
    synced.clear()
    with atomic_path(tmp_path / "file", durable=False) as temporary:
        temporary.write_text("whole")
    assert (tmp_path / "file").read_text() == "whole"
    assert synced == []


@pytest.mark.parametrize("left", [0, 1, 40, 200])
def test_a_cache_entry_that_was_cut_off_is_computed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, synced: list[int], left: int
) -> None:
    monkeypatch.setenv("SMMBENCH_HOME", str(tmp_path))
    calls: list[None] = []

    def compute() -> Arrays:
        calls.append(None)
        return {"points": np.arange(100.0)}

    cached_arrays("tracks", {"pixels": "a"}, compute)
    assert synced == []
    (entry,) = (tmp_path / "cache").rglob("*.npz")
    entry.write_bytes(entry.read_bytes()[:left])
    for _ in range(2):
        arrays = cached_arrays("tracks", {"pixels": "a"}, compute)
        np.testing.assert_array_equal(arrays["points"], np.arange(100.0))
    assert len(calls) == 2


def test_a_file_that_cannot_be_written_is_named_as_the_user_knows_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _read_only(monkeypatch)
    with pytest.raises(OSError, match="Read-only") as refused:
        write_text(tmp_path / "sheet.png", "")
    assert refused.value.filename == str(tmp_path / "sheet.png")


def test_a_folder_is_tried_without_a_trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    assert why_not_writable(tmp_path) == why_not_writable(tmp_path / "new" / "newer") == ""
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert "is not a folder" in why_not_writable(tmp_path / "file")
    assert "is not a folder" in why_not_writable(tmp_path / "file" / "below")
    _read_only(monkeypatch)
    assert f"'{tmp_path}' does not accept files (Read-only" in why_not_writable(tmp_path / "new")


def _read_only(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(dir: Path, **_: Any) -> None:
        raise OSError(errno.EROFS, "Read-only file system", f"{dir}/.tmp-x")

    monkeypatch.setattr(tempfile, "mkstemp", refuse)
    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
