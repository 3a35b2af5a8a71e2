"""Marks tell copies, overlays and stills from outputs in which something is seen to move."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from smmbench.marks import RULES, is_near_copy
from smmbench.marks.moved_source import moved_source
from smmbench.marks.moving_structure import held_share, moving_structure
from smmbench.marks.rules import MOVED_SOURCE, MOVING_STRUCTURE, SOURCE_SHARE
from smmbench.marks.source_share import picture_share, source_share
from smmbench.marks.thumbnails import luma, thumbnails
from smmbench_baselines.on_a_still import carried

SIDE, TIME = 64, 12
Clip = np.ndarray


def picture(seed: int, spread: float = 3.0) -> np.ndarray:
    """A smooth random picture, in levels of 255."""
    rng = np.random.default_rng(seed)
    noise = cv2.GaussianBlur(rng.normal(size=(SIDE, SIDE, 3)).astype(np.float32), (0, 0), spread)
    return np.clip(128 + 40 * noise / noise.std(), 0, 255).astype(np.uint8)


def passing(ground: np.ndarray, thing: np.ndarray, size: int = 20) -> Clip:
    """A textured square that crosses a picture by 3 pixels a frame."""
    frames = np.repeat(ground[None], TIME, axis=0)
    for i, frame in enumerate(frames):
        frame[20 : 20 + size, 4 + 3 * i : 4 + 3 * i + size] = thing[:size, :size]
    return frames


@pytest.fixture
def source() -> Clip:
    return passing(picture(0), 255 - picture(1))


@pytest.fixture
def transfer() -> Clip:
    """Another thing over another ground, on the same path."""
    return passing(picture(2), picture(3, spread=1.5) // 2)


@pytest.fixture
def still() -> np.ndarray:
    return picture(4)


def levels(values: np.ndarray) -> Clip:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def texture(source: Clip, still: np.ndarray, size: float) -> Clip:
    noise = np.random.default_rng(0).normal(0, size, still.shape[:2]).astype(np.float32)
    return levels(still + carried(noise, source)[..., None])


def marks(source: Clip, output: Clip) -> set[str]:
    return {rule.name for rule in RULES if rule.marks(rule.measure(source, output))}


def held(clip: Clip) -> float:
    return held_share(luma(thumbnails(clip)))


def test_a_clip_against_itself(source: Clip) -> None:
    assert moving_structure(source, source) == 1
    assert source_share(source, source) == pytest.approx(1, abs=1e-3)
    assert picture_share(source, source) == pytest.approx(1, abs=1e-3)


def test_a_transfer_is_not_marked(source: Clip, transfer: Clip) -> None:
    assert marks(source, transfer) == set()
    assert not is_near_copy(source, transfer)


def test_a_still_moves_nothing_and_holds_everything(source: Clip, still: np.ndarray) -> None:
    frozen = np.repeat(still[None], TIME, axis=0)
    assert moving_structure(source, frozen) == 0
    assert source_share(source, frozen) == 0
    assert held(frozen) == 1
    assert marks(source, frozen) == {"moving_structure"}


@pytest.mark.parametrize("gain", [0.25, 0.5])
def test_what_moves_is_an_energy(source: Clip, gain: float) -> None:
    """A clip with half the contrast has a quarter of it, and holds as much of its structure."""
    faint = levels(128 + gain * (source - 128.0))
    assert moving_structure(source, faint) == pytest.approx(gain**2, rel=0.05)
    assert held(faint) == pytest.approx(held(source), abs=0.03)


@pytest.mark.parametrize("share", [0.08, 0.25, 0.5])
def test_an_overlay_is_the_source_whatever_its_strength(
    source: Clip, still: np.ndarray, share: float
) -> None:
    output = levels((1 - share) * still + share * source.astype(float))
    assert source_share(source, output) > SOURCE_SHARE.threshold
    assert not is_near_copy(source, output)  # the picture is another


COPIES: dict[str, Callable[[Clip], Clip]] = {
    "one pixel": lambda clip: np.bitwise_xor(
        clip, np.eye(1, clip.size, dtype=np.uint8).reshape(clip.shape)
    ),
    "other colours": lambda clip: np.roll(clip, 1, axis=-1),
    "negative": lambda clip: 255 - clip,
    "darker": lambda clip: levels(0.6 * clip.astype(float)),
    "shifted": lambda clip: np.roll(clip, (1, 1), axis=(1, 2)),
    "blurred": lambda clip: np.stack([cv2.GaussianBlur(frame, (0, 0), 1.5) for frame in clip]),
    "noisy": lambda clip: levels(clip + np.random.default_rng(0).normal(0, 6, clip.shape)),
}


@pytest.mark.parametrize("name", COPIES)
def test_a_near_copy_is_told(source: Clip, name: str) -> None:
    assert is_near_copy(source, COPIES[name](source))


def corner(source: Clip, still: np.ndarray) -> Clip:
    frames = np.repeat(still[None], TIME, axis=0)
    half = SIDE // 2
    for frame, one in zip(frames, source, strict=True):
        frame[half:, half:] = cv2.resize(one, (half, half), interpolation=cv2.INTER_AREA)
    return frames


MOVED: dict[str, Callable[[Clip], Clip]] = {
    "mirrored": lambda clip: clip[:, :, ::-1],
    "backwards": lambda clip: clip[::-1],
    "turned and backwards": lambda clip: clip[::-1, ::-1, ::-1],
    "late": lambda clip: clip[np.maximum(np.arange(TIME) - 2, 0)],
    "elsewhere": lambda clip: np.roll(clip, (9, 0), axis=(1, 2)),
    "larger": lambda clip: np.stack(
        [cv2.resize(one, None, fx=1.25, fy=1.25)[:SIDE, :SIDE] for one in clip]
    ),
    "mirrored in other colours": lambda clip: 255 - clip[:, :, ::-1],
}


@pytest.mark.parametrize("name", MOVED)
def test_the_source_is_told_where_it_was_moved_to(source: Clip, name: str) -> None:
    moved = np.ascontiguousarray(MOVED[name](source))
    assert "moved_source" in marks(source, moved)
    assert is_near_copy(source, moved)


def test_a_moved_source_over_a_still_is_no_copy_but_marked(source: Clip, still: np.ndarray) -> None:
    for output in (
        levels(0.7 * still + 0.3 * np.roll(source, 9, axis=1)),
        corner(source, still),
    ):
        assert "moved_source" in marks(source, output)
        assert not is_near_copy(source, output)


def test_a_moved_source_explains_no_less_than_the_source(source: Clip, transfer: Clip) -> None:
    """The source where it is is one of the places that are tried."""
    for output in (source, levels(128 + 0.5 * (source - 128.0))):
        assert moved_source(source, output) > source_share(source, output) - 0.02
    assert moved_source(source, transfer) < MOVED_SOURCE.threshold - 0.1


@pytest.mark.parametrize("size", [1.5, 3, 6])
def test_a_faint_texture_is_not_seen_moving(source: Clip, still: np.ndarray, size: float) -> None:
    output = texture(source, still, size)
    assert moving_structure(source, output) < MOVING_STRUCTURE.threshold


def test_the_fainter_a_texture_the_more_of_the_picture_is_held(
    source: Clip, still: np.ndarray
) -> None:
    shares = [held(texture(source, still, size)) for size in (24, 12, 6, 3)]
    assert shares == sorted(shares)
    assert shares[0] > held(source) + 0.3


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_time_turned_round_on_both_sides_changes_nothing(
    source: Clip, transfer: Clip, rule: object
) -> None:
    measure = rule.measure  # type: ignore[attr-defined]
    forth, back = measure(source, transfer), measure(source[::-1], transfer[::-1])
    assert forth == pytest.approx(back, abs=1e-4)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_larger_canvas_shows_the_same(source: Clip, transfer: Clip, rule: object) -> None:
    """Beyond 128 pixels, size makes no difference: marks look at thumbnails."""

    def large(clip: Clip, side: int) -> Clip:
        size = (side, side)
        return np.stack([cv2.resize(f, size, interpolation=cv2.INTER_CUBIC) for f in clip])

    measure = rule.measure  # type: ignore[attr-defined]
    small = measure(large(source, 128), large(transfer, 128))
    assert measure(large(source, 384), large(transfer, 384)) == pytest.approx(small, abs=0.03)


def test_what_cannot_be_measured_says_why(source: Clip) -> None:
    with pytest.raises(ValueError, match="Nothing moves in the source"):
        moving_structure(np.zeros_like(source), source)
    with pytest.raises(ValueError, match="at least two frames"):
        moving_structure(source[:1], source[:1])
    assert source_share(np.zeros_like(source), source) == 0
    assert moved_source(np.zeros_like(source), source) == 0
    assert moved_source(source, np.zeros_like(source)) == 0


def test_rules_mark_on_their_own_side() -> None:
    assert MOVING_STRUCTURE.marks(0.0) and not MOVING_STRUCTURE.marks(1.0)
    assert SOURCE_SHARE.marks(1.0) and not SOURCE_SHARE.marks(0.5)
    for rule in RULES:
        assert not rule.marks(rule.threshold)
