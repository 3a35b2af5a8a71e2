"""The normal form: what is right stays, what is not becomes so by stated rules."""

from __future__ import annotations

import numpy as np
import pytest

from smmbench.video import NormalForm, Video, VideoError, normal_form


def counted(frames: int, fps: float, height: int = 8, width: int = 12) -> Video:
    """Frame `t` is all `t`."""
    values = np.arange(frames, dtype=np.uint8)[:, None, None, None]
    return Video(np.broadcast_to(values, (frames, height, width, 3)).copy(), fps)


def numbers(video: Video) -> list[int]:
    return [int(frame[0, 0, 0]) for frame in video.frames]


def test_normal_video_comes_back_itself(moving_square: Video) -> None:
    assert normal_form(moving_square, NormalForm(8, 96, 64, 8.0)) is moving_square


def test_normal_form_is_idempotent(moving_square: Video) -> None:
    form = NormalForm(5, 40, 30, 6.0)
    once = normal_form(moving_square, form)
    assert normal_form(once, form) is once


def test_more_frames_at_the_same_rate_keeps_the_first() -> None:
    video = normal_form(counted(24, 8.0), NormalForm(16, 12, 8, 8.0))
    assert numbers(video) == list(range(16))
    assert video.notes == ("first 16 of 24 frames",)


@pytest.mark.parametrize(
    ("source", "wanted", "expected"),
    [
        (16.0, 8.0, [0, 2, 4, 6]),
        (4.0, 8.0, [0, 1, 1, 2]),  # instants 0, 0.5, 1, 1.5: of two equally near, the later
        (12.0, 8.0, [0, 2, 3, 5]),  # 0, 1.5, 3, 4.5
        (10.0, 8.0, [0, 1, 3, 4]),  # 0, 1.25, 2.5, 3.75
        (24000 / 1001, 24.0, [0, 1, 2, 3]),
    ],
)
def test_other_rate_takes_the_nearest_frames(
    source: float, wanted: float, expected: list[int]
) -> None:
    video = normal_form(counted(8, source), NormalForm(4, 12, 8, wanted))
    assert numbers(video) == expected
    assert video.fps == wanted


def test_tie_does_not_hang_on_rounding_of_the_rate() -> None:
    form = NormalForm(4, 12, 8, 8.0)
    for fps in (12.0, 12.0 * (1 - 1e-9), 12.0 * (1 + 1e-9)):
        assert numbers(normal_form(counted(8, fps), form)) == [0, 2, 3, 5]


def test_motion_keeps_its_speed_in_time() -> None:
    """A point that moves v pixels a second still does, at any rate."""
    for fps in (8.0, 16.0, 24.0, 32.0):
        video = normal_form(counted(64, fps), NormalForm(12, 12, 8, 8.0))
        assert np.allclose(np.diff(numbers(video)) * 8.0, fps)


@pytest.mark.parametrize(
    ("count", "fps", "message"),
    [
        (15, 8.0, "has 15 frames at 8 a second, too few: 16 frames at 8 .* takes 16 "),
        (45, 24.0, "has 45 frames at 24 a second, too few: 16 frames at 8 .* takes 46 "),
        (1, 8.0, "has 1 frames"),
    ],
)
def test_too_few_frames_is_an_error(count: int, fps: float, message: str) -> None:
    with pytest.raises(VideoError, match=message):
        normal_form(counted(count, fps), NormalForm(16, 12, 8, 8.0))


def test_just_enough_frames_is_none() -> None:
    assert numbers(normal_form(counted(46, 24.0), NormalForm(16, 12, 8, 8.0)))[-1] == 45
    assert numbers(normal_form(counted(16, 8.0), NormalForm(16, 12, 8, 8.0)))[-1] == 15


def test_centre_is_cut_to_the_aspect() -> None:
    """Red, green, blue thirds of a wide frame: a square of a third's width sees green alone."""
    frames = np.zeros((2, 30, 90, 3), np.uint8)
    for i in range(3):
        frames[:, :, 30 * i : 30 * (i + 1), i] = 200
    video = normal_form(Video(frames, 8.0), NormalForm(2, 30, 30, 8.0))
    assert (video.frames == [0, 200, 0]).all()
    assert video.notes == ("centre of 90x30 resized to 30x30",)
    turned = normal_form(Video(frames.swapaxes(1, 2).copy(), 8.0), NormalForm(2, 30, 30, 8.0))
    assert (turned.frames == [0, 200, 0]).all()


def test_resizing_keeps_constants_and_mirror_symmetry() -> None:
    flat = Video(np.full((2, 40, 60, 3), 77, np.uint8), 8.0)
    assert (normal_form(flat, NormalForm(2, 30, 20, 8.0)).frames == 77).all()
    frames = np.random.default_rng(0).integers(0, 256, (2, 45, 75, 3), dtype=np.uint8)
    form = NormalForm(2, 32, 32, 8.0)
    there = normal_form(Video(frames, 8.0), form).frames
    mirrored = normal_form(Video(frames[:, :, ::-1].copy(), 8.0), form).frames[:, :, ::-1]
    assert np.abs(there.astype(int) - mirrored).max() <= 1


def test_shrinking_is_antialiased() -> None:
    """Lines a pixel wide must become grey, not black or white."""
    frames = np.zeros((1, 64, 64, 3), np.uint8)
    frames[:, :, ::2] = 255
    shrunk = normal_form(Video(frames, 8.0), NormalForm(1, 16, 16, 8.0)).frames
    assert np.abs(shrunk[:, 2:-2, 2:-2].astype(int) - 127).max() <= 10


def test_notes_of_reading_are_kept() -> None:
    video = Video(counted(4, 8.0).frames, 8.0, ("10 bit to 8",))
    notes = normal_form(video, NormalForm(2, 6, 4, 8.0)).notes
    assert notes == ("10 bit to 8", "first 2 of 4 frames", "12x8 resized to 6x4")


@pytest.mark.parametrize(
    "wrong", [{"frames": 0}, {"width": 0}, {"height": -1}, {"fps": 0.0}, {"fps": float("nan")}]
)
def test_normal_form_itself_must_make_sense(wrong: dict[str, float]) -> None:
    values: dict[str, float] = {"frames": 16, "width": 12, "height": 8, "fps": 8.0} | wrong
    with pytest.raises(VideoError, match="above 0"):
        NormalForm(**values)  # type: ignore[arg-type]
