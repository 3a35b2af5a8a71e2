"""Deterministic mode: other kernels raise, and a record does not claim what was only warned of."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from smmbench.environment import compute_deterministically
from smmbench.running.description import describe_environment


@pytest.fixture(autouse=True)
def as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    enabled = torch.are_deterministic_algorithms_enabled()
    warns = torch.is_deterministic_algorithms_warn_only_enabled()
    benchmark = torch.backends.cudnn.benchmark
    yield
    torch.use_deterministic_algorithms(enabled, warn_only=warns)
    torch.backends.cudnn.benchmark = benchmark


def write_twice() -> torch.Tensor:
    """Write two values to one place, which PyTorch does in no fixed order."""
    return torch.zeros(1).put_(torch.tensor([0, 0]), torch.tensor([1.0, 2.0]))


def test_an_operation_without_a_deterministic_kernel_raises() -> None:
    torch.use_deterministic_algorithms(False)
    write_twice()
    compute_deterministically()
    with pytest.raises(RuntimeError, match="deterministic implementation"):
        write_twice()
    assert describe_environment("cpu").deterministic


def test_a_mode_that_only_warns_is_not_recorded_as_deterministic() -> None:
    torch.use_deterministic_algorithms(True, warn_only=True)
    with pytest.warns(UserWarning, match="deterministic implementation"):
        write_twice()
    assert not describe_environment("cpu").deterministic
    torch.use_deterministic_algorithms(False)
    assert not describe_environment("cpu").deterministic
