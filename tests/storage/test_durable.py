"""Results wait for the disk; entries of the cache do not, and are computed again if cut off."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from smmbench.storage.array_cache import Arrays, cached_arrays
from smmbench.storage.atomic import atomic_path, write_text


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
