"""Inverted clips on disk: taken bit for bit or not at all, in bounds, with what they cost."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from smmbench import smm
from smmbench.diffusion.backbone import Backbone, load_backbone
from smmbench.diffusion.latent_cache import (
    LIMIT,
    Latents,
    cache_bytes,
    cached_latents,
    inversion_origin,
    latents_path,
)
from smmbench.method import Source
from smmbench.smm import SMM, Parameters
from smmbench.storage import tensor_cache
from smmbench.storage.cached_cost import counting_kept
from smmbench.video import Video

ONE_ENTRY = 4 * 1000


class Maker:
    """Makes latents of 4000 bytes, and remembers of which clips it was asked."""

    def __init__(self, clips: Sequence[str]) -> None:
        self.origins = [{"clip": clip} for clip in clips]
        self.asked: list[int] = []

    def __call__(self, places: Sequence[int]) -> list[Latents]:
        self.asked += places
        return [{-1: torch.full((500,), float(i)), 999: torch.randn(500)} for i in places]

    def taken(self) -> list[Latents]:
        self.asked.clear()
        return cached_latents(self.origins, self, "cpu")

    def paths(self) -> list[Path]:
        return [latents_path(origin) for origin in self.origins]


def same(a: Latents, b: Latents) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[t], b[t]) for t in a)


def test_what_was_kept_is_taken_bit_for_bit_and_only_the_rest_is_made() -> None:
    (first,) = Maker(["a"]).taken()
    both = Maker(["b", "a"])
    _, again = both.taken()
    assert both.asked == [0]
    assert same(first, again)


def test_what_it_took_is_counted_where_it_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter([0.0, 40.0])
    with monkeypatch.context() as clock:
        clock.setattr("time.perf_counter", lambda: next(now))
        Maker(["a", "b"]).taken()
    with counting_kept() as kept:
        Maker(["a"]).taken()
    assert kept.seconds == 20.0
    assert kept.peak > 0


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-8])


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def without_its_hash(path: Path) -> None:
    save_file(load_file(path), path)


def of_another(path: Path) -> None:
    Maker(["b"]).taken()
    path.write_bytes(latents_path({"clip": "b"}).read_bytes())


@pytest.mark.parametrize("damage", [cut, flip, without_its_hash, of_another, Path.unlink])
def test_an_entry_that_is_not_whole_is_made_again(damage: Any) -> None:
    maker = Maker(["a"])
    maker.taken()
    damage(maker.paths()[0])
    (new,) = maker.taken()
    assert maker.asked == [0]
    (again,) = maker.taken()
    assert maker.asked == []
    assert same(new, again)


def test_what_was_killed_while_writing_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    def half(latents: Any, path: Path, told: Any) -> None:
        save_file(latents, path, told)
        cut(path)
        raise KeyboardInterrupt

    maker = Maker(["a"])
    with monkeypatch.context() as killed, pytest.raises(KeyboardInterrupt):
        killed.setattr(tensor_cache, "save_file", half)
        maker.taken()
    assert not maker.paths()[0].exists()
    maker.taken()
    assert maker.asked == [0]


def test_where_nothing_can_be_written_the_work_goes_on(own_home: Path) -> None:
    (own_home / "cache").write_text("no folder")
    with pytest.warns(UserWarning, match="Latents cannot be cached in"):
        assert len(Maker(["a"]).taken()) == 1


def test_the_bound_holds_and_the_longest_unused_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(LIMIT, str(2.9 * ONE_ENTRY / 1e9))
    kept = Maker(["a", "b"])
    kept.taken()
    for age, path in zip((200, 100), kept.paths(), strict=True):
        then = path.stat().st_mtime - age
        os.utime(path, (then, then))
    Maker(["a"]).taken()  # used now
    Maker(["c"]).taken()
    exist = [latents_path({"clip": clip}).exists() for clip in "abc"]
    assert exist == [True, False, True]


@pytest.mark.parametrize("gigabytes", ["0", "0.000001"])
def test_nothing_is_kept_that_does_not_fit(monkeypatch: pytest.MonkeyPatch, gigabytes: str) -> None:
    monkeypatch.setenv(LIMIT, gigabytes)
    maker = Maker(["a"])
    maker.taken()
    assert not maker.paths()[0].exists()


@pytest.mark.parametrize("told", ["much", "-1", "nan", "inf"])
def test_a_bound_that_is_none_is_told(monkeypatch: pytest.MonkeyPatch, told: str) -> None:
    monkeypatch.setenv(LIMIT, told)
    with pytest.raises(ValueError, match=f"{LIMIT} must be a number of gigabytes"):
        cache_bytes()


# In the method


@pytest.fixture(scope="module")
def backbone(tiny_backbone: Path) -> Backbone:
    return load_backbone(str(tiny_backbone))


def clip(seed: int) -> Source:
    frames = np.random.default_rng(seed).integers(0, 256, (3, 16, 24, 3), dtype=np.uint8)
    video = Video(frames, fps=8.0)
    return Source(f"clip-{seed}", video, "a dog", other=lambda: video)


FEW = Parameters(
    steps=2, inversion_steps=4, inversion_prompt=True, dtype="float32", layers=(), downsample=2
)


def keys(backbone: Backbone, source: Source, **changes: Any) -> set[Path]:
    """Files that an inversion makes in an empty cache."""
    found = set(latents_path({}).parent.glob("*.safetensors"))
    SMM(replace(FEW, iterations=0, **changes), "cpu", backbone).prepare(source)
    return set(latents_path({}).parent.glob("*.safetensors")) - found


def test_each_change_of_an_inversion_is_another_entry(
    backbone: Backbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smm, "KEPT_FROM", 1)
    assert len(keys(backbone, clip(0))) == 1
    assert not keys(backbone, clip(0))  # it is there
    assert not keys(backbone, clip(0), guidance=3.0)  # nothing of the inversion
    assert len(keys(backbone, clip(1))) == 1
    assert len(keys(backbone, replace(clip(0), prompt="a cat"))) == 1
    assert len(keys(backbone, clip(0), inversion_steps=5)) == 1
    assert len(keys(backbone, clip(0), steps=3)) == 1
    assert len(keys(backbone, clip(0), inversion_refinements=1)) == 1
    other = inversion_origin(backbone, "0", "a dog") | {"weights": {"unet": "other"}}
    assert latents_path(other) != latents_path(inversion_origin(backbone, "0", "a dog"))


def test_the_method_inverts_only_what_is_missing(
    backbone: Backbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smm, "KEPT_FROM", 1)
    method = SMM(replace(FEW, iterations=0), "cpu", backbone)
    first = method.prepare(clip(0))
    asked: list[str] = []
    encode = method.encode

    def noted(sources: Sequence[Source]) -> Any:
        asked.extend(source.clip for source in sources)
        return encode(sources)

    monkeypatch.setattr(method, "encode", noted)
    again, _ = method.prepare_batch([clip(0), clip(1)])
    assert asked == ["clip-1"]
    assert same(first.inverted, again.inverted)


@pytest.mark.slow
def test_a_short_inversion_is_not_kept(backbone: Backbone) -> None:
    assert not keys(backbone, clip(0))
    assert len(keys(backbone, clip(0), inversion_steps=50, inversion_refinements=1)) == 1
