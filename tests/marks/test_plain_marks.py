"""The marks give what their plain definitions give, whatever is shared or kept on the way."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest

from smmbench.marks import RULES, Glance, Rule
from smmbench.marks import glance as glance_module
from smmbench.marks.candidates import best_candidates
from smmbench.marks.thumbnails import less, luma, thumbnails

TIME = 6
Clip = np.ndarray
PLAIN_MARKS = Path(__file__).parents[2] / "benchmark" / "perf" / "plain_marks.py"


@pytest.fixture(scope="module")
def plain() -> ModuleType:
    spec = importlib.util.spec_from_file_location("plain_marks", PLAIN_MARKS)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def noise(seed: int, frames: int = TIME, height: int = 48, width: int = 64) -> Clip:
    """Smooth random frames that have nothing to do with each other."""
    drawn = np.random.default_rng(seed).normal(size=(frames, height, width, 3)).astype(np.float32)
    smooth = np.stack([cv2.GaussianBlur(frame, (0, 0), 2.0) for frame in drawn])
    return np.clip(128 + 40 * smooth / smooth.std(), 0, 255).astype(np.uint8)


def once(clip: Clip) -> Clip:
    """The first frame for the whole clip, but for one pixel of one frame."""
    frames = np.repeat(clip[:1], len(clip), axis=0)
    frames[-1, 3, 5] ^= 128
    return frames


def in_a_corner(clip: Clip) -> Clip:
    """Half as large, over black."""
    height, width = clip.shape[1:3]
    return np.pad(clip[:, ::2, ::2], ((0, 0), (height // 2, 0), (width // 2, 0), (0, 0)))


PAIRS: dict[str, Callable[[], tuple[Clip, Clip]]] = {
    "unrelated": lambda: (noise(0), noise(1)),
    "itself": lambda: (noise(0), noise(0)),
    "mirrored and late": lambda: (noise(0), np.roll(noise(0)[:, :, ::-1], 1, axis=0)),
    "smaller": lambda: (
        noise(0),
        np.pad(noise(0)[:, ::2, ::2], ((0, 0), (24, 0), (32, 0), (0, 0))),
    ),
    "odd sides": lambda: (noise(0, height=71, width=53), noise(1, height=71, width=53)),
    "larger than a thumbnail": lambda: (noise(0, 4, 150, 260), noise(1, 4, 150, 260)),
    "symmetric": lambda: (
        np.maximum(noise(0), noise(0)[::-1, ::-1, ::-1]),
        np.maximum(noise(1), noise(1)[::-1, ::-1, ::-1]),
    ),
    "two frames": lambda: (noise(0, 2), noise(1, 2)),
    "next to nothing changes": lambda: (noise(0), once(noise(1))),
    "a still": lambda: (noise(0), np.repeat(noise(1)[:1], TIME, axis=0)),
    "one colour": lambda: (noise(0), np.full_like(noise(0), 90)),
    "tiny": lambda: (noise(0, height=3, width=2), noise(1, height=3, width=2)),
}


@pytest.mark.parametrize("name", PAIRS)
def test_equals_the_plain_definition(name: str, plain: ModuleType) -> None:
    """Equal to the bit where this was written; matrix products of other machines may round."""
    source, output = (np.ascontiguousarray(clip) for clip in PAIRS[name]())
    ours, theirs = Glance(source), Glance(output)
    for rule in RULES:
        wanted = plain.PLAIN[rule.name](source, output)
        assert rule.measure(ours, theirs) == pytest.approx(wanted, abs=1e-6)
        assert rule.measure(ours, theirs) == rule.measure(source, output)


@pytest.mark.parametrize("name", ["unrelated", "symmetric", "smaller", "next to nothing changes"])
def test_finds_the_candidates_of_all_transforms(name: str, plain: ModuleType) -> None:
    """Every one, in order, without the transforms of delays that do not count."""
    changes = [luma(less(thumbnails(np.ascontiguousarray(clip)), (0,))) for clip in PAIRS[name]()]
    wanted = sorted(plain.candidates(*changes), key=lambda motion: -motion.agreement)
    glance = Glance(np.ascontiguousarray(PAIRS[name]()[0]))
    found = best_candidates(glance.shown, changes[1])
    for one, other in zip(found, wanted, strict=False):
        assert one.agreement == pytest.approx(other.agreement, rel=1e-5)
        assert (one.mirrored, one.delay) == (other.mirrored, other.delay)
        assert np.array_equal(one.map, other.map)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_outputs_of_one_source_do_not_see_each_other(rule: Rule) -> None:
    source, outputs = Glance(noise(0)), [noise(seed) for seed in (1, 2, 3)]
    together = [rule.measure(source, output) for output in outputs]
    assert together == [rule.measure(noise(0), output) for output in outputs]
    assert together == [rule.measure(source, output) for output in outputs]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_long_clip_keeps_less_and_gives_the_same(
    rule: Rule, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, output = noise(0), noise(1)
    kept = rule.measure(Glance(source), output)
    monkeypatch.setattr(glance_module, "MOST_KEPT", 0)
    glance = Glance(source)
    assert rule.measure(glance, output) == kept
    assert not {"_shown", "_filtered_change"} & set(vars(glance))
