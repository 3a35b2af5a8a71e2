"""Controls: each wrong in exactly the way it says."""

from __future__ import annotations

import numpy as np
import pytest

from smmbench.method import Source
from smmbench.video import Video
from smmbench_baselines.controls import (
    DelayedCopy,
    Frozen,
    NearCopy,
    Noise,
    NoParameters,
    OtherClip,
    RecolouredCopy,
    Reversed,
    Shuffled,
    SourceCopy,
    TurnedCopy,
)

COPIES = (SourceCopy, NearCopy, RecolouredCopy, TurnedCopy, DelayedCopy)
CONTROLS = (*COPIES, Frozen, Reversed, Shuffled, OtherClip, Noise)


def made(control: type, video: Video, seed: int = 0) -> Video:
    other = Video(255 - video.frames, video.fps)
    method = control(NoParameters(), "cpu")
    prepared = method.prepare(Source("square", video, "a square", lambda: other))
    return method.transfer(prepared, "a circle", seed)


@pytest.mark.parametrize("control", CONTROLS)
def test_a_control_keeps_length_size_and_rate(control: type, moving_square: Video) -> None:
    result = made(control, moving_square)
    assert result.frames.shape == moving_square.frames.shape
    assert result.fps == moving_square.fps


@pytest.mark.parametrize("control", CONTROLS)
def test_a_control_repeats_itself_and_leaves_its_source(
    control: type, moving_square: Video
) -> None:
    before = moving_square.pixels_sha256
    assert made(control, moving_square).pixels_sha256 == made(control, moving_square).pixels_sha256
    assert moving_square.pixels_sha256 == before


def test_source_copy_is_the_source(moving_square: Video) -> None:
    assert made(SourceCopy, moving_square).pixels_sha256 == moving_square.pixels_sha256


def test_frozen_does_not_move(moving_square: Video) -> None:
    frames = made(Frozen, moving_square).frames
    assert (frames == moving_square.frames[0]).all()


def test_reversed_twice_is_the_source(moving_square: Video) -> None:
    once = made(Reversed, moving_square)
    np.testing.assert_array_equal(once.frames[0], moving_square.frames[-1])
    assert made(Reversed, once).pixels_sha256 == moving_square.pixels_sha256


@pytest.mark.parametrize("seed", range(20))
def test_shuffled_has_the_same_frames_in_another_order(seed: int, moving_square: Video) -> None:
    two = Video(moving_square.frames[:2], moving_square.fps)  # every other draw is the identity
    np.testing.assert_array_equal(made(Shuffled, two, seed).frames, two.frames[::-1])
    frames = made(Shuffled, moving_square, seed).frames
    assert sorted(f.tobytes() for f in frames) == sorted(f.tobytes() for f in moving_square.frames)


def test_shuffled_leaves_a_single_frame(moving_square: Video) -> None:
    one = Video(moving_square.frames[:1], moving_square.fps)
    assert made(Shuffled, one).pixels_sha256 == one.pixels_sha256


def test_other_clip_is_the_other_clip(moving_square: Video) -> None:
    np.testing.assert_array_equal(made(OtherClip, moving_square).frames, 255 - moving_square.frames)


def test_noise_is_uniform_and_independent_of_the_frame_before(moving_square: Video) -> None:
    frames = made(Noise, moving_square).frames.astype(float)
    # Uniform on 0..255: mean 127.5, deviation 73.9; of n = 147456 values the mean is off by 0.2.
    assert abs(frames.mean() - 127.5) < 1
    assert abs(frames.std() - 73.9) < 1
    assert abs(np.corrcoef(frames[:-1].ravel(), frames[1:].ravel())[0, 1]) < 0.02


@pytest.mark.parametrize("control", [Shuffled, Noise])
def test_another_seed_is_another_video(control: type, moving_square: Video) -> None:
    first, second = (made(control, moving_square, seed).pixels_sha256 for seed in (0, 1))
    assert first != second


def test_near_copies_differ_from_the_source_in_pixels_alone(moving_square: Video) -> None:
    one = made(NearCopy, moving_square).frames
    assert np.count_nonzero(one != moving_square.frames) == 1
    turned = made(RecolouredCopy, moving_square).frames
    np.testing.assert_array_equal(np.roll(turned, -1, axis=-1), moving_square.frames)


def test_moved_copies_are_the_source_elsewhere(moving_square: Video) -> None:
    frames = moving_square.frames
    turned, late = (made(control, moving_square).frames for control in (TurnedCopy, DelayedCopy))
    np.testing.assert_array_equal(turned[::-1, ::-1, ::-1], frames)
    np.testing.assert_array_equal(late[2:], frames[:-2])
    assert (late[:2] == frames[0]).all()
