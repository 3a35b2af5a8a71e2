"""Deterministic mode: other kernels raise, and a record does not claim what was only warned of."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from smmbench.cli import app
from smmbench.environment import compute_deterministically
from smmbench.results import find_records
from smmbench.running.description import describe_environment
from smmbench.running.loop import plan_run


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


TOY = """
from dataclasses import dataclass
import torch
from smmbench.method import Card, Method

@dataclass(frozen=True)
class Parameters:
    pass

class Toy(Method):
    Parameters = Parameters
    card = Card("Toy")

    def prepare(self, source):
        return source.video

    def transfer(self, prepared, prompt, seed):
        if "cat" in prompt:
            torch.zeros(1).put_(torch.tensor([0, 0]), torch.tensor([1.0, 2.0]))
        return prepared
"""


def test_a_deterministic_run_fails_the_pairs_that_cannot_be_and_records_its_mode(
    tmp_path: Path, small_dataset: Path
) -> None:
    (tmp_path / "toy.py").write_text(TOY)
    words = ["run", "--method", f"{tmp_path / 'toy.py'}:Toy", "--dataset", str(small_dataset)]
    words += ["--device", "cpu", "--results"]
    assert CliRunner().invoke(app, [*words, str(tmp_path / "usual")]).exit_code == 0
    strict = CliRunner().invoke(app, [*words, str(tmp_path / "strict"), "--deterministic"])
    assert strict.exit_code == 1
    usual = [record for _, record in find_records(tmp_path / "usual")]
    found = [record for _, record in find_records(tmp_path / "strict")]
    assert len(found) == len(usual) > 0
    assert not any(record.environment.deterministic for record in usual)
    assert all(record.environment.deterministic for record in found)
    assert {record.request.edit for record in found if record.status == "failed"} == {"cat"}
    (message,) = {record.failure.message for record in found if record.failure is not None}
    assert "deterministic implementation" in message


def test_code_of_its_own_in_another_process_is_not_claimed_to_be_deterministic(
    tmp_path: Path,
) -> None:
    with pytest.raises(ValueError, match="--deterministic has no effect"):
        plan_run("official-smm", "emoji", tmp_path, device="cpu", deterministic=True)
