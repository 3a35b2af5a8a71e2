"""Weights are the same weights wherever and however they are stored."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from smmbench.storage import weights_hash
from smmbench.storage.weights_hash import tensors_sha256

Tensors = dict[str, torch.Tensor]


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMMBENCH_HOME", str(tmp_path / "home"))


@pytest.fixture
def tensors() -> Tensors:
    drawn = torch.Generator().manual_seed(0)
    return {
        "a.weight": torch.randn(3, 4, generator=drawn),
        "a.bias": torch.randn(4, generator=drawn).half(),
        "b": torch.arange(5),
        "empty": torch.zeros(0, 2),
        "one": torch.tensor(1.5, dtype=torch.bfloat16),
    }


def test_the_same_tensors_have_the_same_hash_in_any_file(tmp_path: Path, tensors: Tensors) -> None:
    one, other = tmp_path / "model.safetensors", tmp_path / "elsewhere.safetensors"
    save_file(tensors, one)
    save_file(dict(reversed(tensors.items())), other, {"format": "pt", "author": "someone"})
    assert one.read_bytes() != other.read_bytes()
    parts = [tmp_path / f"model-{n}.safetensors" for n in (1, 2)]
    save_file({name: tensors[name] for name in ("a.weight", "one")}, parts[0])
    save_file({name: tensors[name] for name in ("b", "a.bias", "empty")}, parts[1])
    pickled = tmp_path / "model.pth"
    torch.save(tensors, pickled)
    nested = tmp_path / "nested.pt"
    torch.save(
        {"a": {"weight": tensors["a.weight"], "bias": tensors["a.bias"]}}
        | {name: tensors[name] for name in ("b", "empty", "one")},
        nested,
    )
    hashes = {
        tensors_sha256(one),
        tensors_sha256(other),
        tensors_sha256(parts),
        tensors_sha256(reversed(parts)),
        tensors_sha256(pickled),
        tensors_sha256(nested),
    }
    assert len(hashes) == 1


def test_another_name_value_shape_or_type_is_another_hash(tmp_path: Path, tensors: Tensors) -> None:
    path = tmp_path / "model.safetensors"

    def hashed(changed: Tensors) -> str:
        save_file(changed, path)
        return tensors_sha256(path)

    value = tensors["a.weight"].clone()
    value[0, 0] += 1e-6
    others = [
        {**tensors, "a.weight": value},
        {**tensors, "a.weight": tensors["a.weight"].reshape(4, 3)},
        {**tensors, "b": tensors["b"].int()},
        {name.replace("b", "c"): tensor for name, tensor in tensors.items()},
        {name: tensor for name, tensor in tensors.items() if name != "empty"},
    ]
    assert len({hashed(tensors), *map(hashed, others)}) == len(others) + 1


def test_a_hash_is_remembered_as_long_as_the_file_does_not_change(
    tmp_path: Path, tensors: Tensors, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "model.safetensors"
    save_file(tensors, path)
    before = time.time() - 60
    os.utime(path, (before, before))
    first = tensors_sha256(path)
    monkeypatch.setattr(weights_hash, "_tensors", lambda path: pytest.fail("hashed again"))
    assert tensors_sha256(path) == first
    monkeypatch.undo()
    save_file(tensors | {"b": tensors["b"] + 1}, path)
    assert tensors_sha256(path) != first


def test_a_file_that_changed_just_now_is_not_remembered(
    tmp_path: Path, tensors: Tensors, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two writes in one tick of the clock would look alike."""
    monkeypatch.setenv("SMMBENCH_HOME", str(tmp_path / "home"))
    path = tmp_path / "model.safetensors"
    save_file(tensors, path)
    state = path.stat()
    first = tensors_sha256(path)
    save_file(tensors | {"b": tensors["b"] + 1}, path)
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert path.stat().st_size == state.st_size
    assert tensors_sha256(path) != first


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.pth", b"<!DOCTYPE html><html><body>404</body></html>", "it is a web page"),
        ("a.safetensors", b"  <html>not found</html>      ", "it is a web page"),
        ("a.pth", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "Git LFS"),
        ("a.safetensors", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "Git LFS"),
        ("a.safetensors", b"", "does not hold weights"),
        ("a.pth", b"", "does not hold weights"),
        ("a.pth", b"\x80\x04junk", "does not hold weights"),
        ("a.safetensors", b"\x02\0\0\0\0\0\0\0{}more", "truncated or longer"),
        ("a.safetensors", b"\x02\0\0\0\0\0\0\0[]", "does not hold weights"),
    ],
)
def test_what_holds_no_weights_is_refused_in_words(
    tmp_path: Path, name: str, content: bytes, says: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ValueError, match=says) as refused:
        tensors_sha256(path)
    assert "weights_only=False" not in str(refused.value)  # PyTorch's advice to trust the file


def test_a_cut_file_is_refused(tmp_path: Path, tensors: Tensors) -> None:
    path = tmp_path / "model.safetensors"
    save_file(tensors, path)
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(ValueError, match="truncated or longer"):
        tensors_sha256(path)


def test_no_file_and_no_tensor_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no file of weights"):
        tensors_sha256([])
    torch.save({"epoch": 3}, tmp_path / "a.pt")
    with pytest.raises(ValueError, match="no tensor"):
        tensors_sha256(tmp_path / "a.pt")


def test_two_files_with_other_values_of_one_tensor_are_refused(tmp_path: Path) -> None:
    for number in (1, 2):
        save_file({"a": torch.full((2,), float(number))}, tmp_path / f"{number}.safetensors")
    with pytest.raises(ValueError, match="other values of 'a'"):
        tensors_sha256([tmp_path / "1.safetensors", tmp_path / "2.safetensors"])
