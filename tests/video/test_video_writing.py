"""Writing: lossless means lossless, and a preview is what a browser plays."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest

from smmbench.video import Video, read_video, write_lossless, write_preview


def noise(frames: int, height: int, width: int, fps: float = 8.0) -> Video:
    rng = np.random.default_rng(frames * height * width)
    return Video(rng.integers(0, 256, (frames, height, width, 3), dtype=np.uint8), fps)


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (31, 47), (64, 96), (128, 128)])
@pytest.mark.parametrize("frames", [1, 2, 16])
def test_lossless_round_trip(tmp_path: Path, frames: int, size: tuple[int, int]) -> None:
    video = noise(frames, *size)
    write_lossless(tmp_path / "video.mkv", video)
    read = read_video(tmp_path / "video.mkv")
    assert read.pixels_sha256 == video.pixels_sha256
    assert (read.fps, read.notes) == (8.0, ())


def test_all_colours_survive(tmp_path: Path) -> None:
    """Every pair of channel values once: no path through YUV could keep them."""
    first, second = np.meshgrid(np.arange(256), np.arange(256))
    image = np.stack([first, second, first ^ second], axis=-1).astype(np.uint8)
    video = Video(np.stack([image, image[..., ::-1], 255 - image]), 8.0)
    write_lossless(tmp_path / "a.mkv", video)
    assert np.array_equal(read_video(tmp_path / "a.mkv").frames, video.frames)


def test_lossless_bytes_depend_on_the_video_alone(tmp_path: Path, moving_square: Video) -> None:
    write_lossless(tmp_path / "a.mkv", moving_square)
    write_lossless(tmp_path / "other" / "b.mkv", moving_square)
    assert (tmp_path / "a.mkv").read_bytes() == (tmp_path / "other" / "b.mkv").read_bytes()


def test_frames_may_be_any_view(tmp_path: Path, moving_square: Video) -> None:
    view = Video(moving_square.frames[::-1, :, ::-1], 8.0)
    write_lossless(tmp_path / "a.mkv", view)
    write_preview(tmp_path / "a.mp4", view)
    assert read_video(tmp_path / "a.mkv").pixels_sha256 == view.pixels_sha256


@pytest.mark.parametrize("fps", [8.0, 10.0, 12.5, 24000 / 1001, 30000 / 1001, 59.94, 7.3, 1 / 3])
def test_rate_is_kept(tmp_path: Path, fps: float) -> None:
    video = noise(16, 16, 16, fps)
    write_lossless(tmp_path / "a.mkv", video)
    write_preview(tmp_path / "a.mp4", video)
    for name in ("a.mkv", "a.mp4"):
        read = read_video(tmp_path / name)
        assert read.fps == pytest.approx(fps, rel=1e-9)
        assert len(read.frames) == 16


@pytest.mark.parametrize("size", [(64, 96), (63, 95), (1, 1), (16, 17)])
def test_preview_is_what_a_browser_plays(tmp_path: Path, size: tuple[int, int]) -> None:
    path = tmp_path / "preview.mp4"
    write_preview(path, noise(16, *size))
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.pix_fmt) == ("h264", "yuv420p")
        assert (stream.height, stream.width) == tuple(side + side % 2 for side in size)
        assert stream.frames == 16
    content = path.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")


def test_preview_looks_like_the_video(tmp_path: Path) -> None:
    """A ramp, which 4:2:0 can hold: a wrong matrix or range would shift it by ten and more."""
    ramp = np.linspace(0, 255, 96, dtype=np.uint8)
    image = np.empty((64, 96, 3), np.uint8)
    image[..., 0], image[..., 1], image[..., 2] = ramp, ramp[::-1], 130
    video = Video(np.stack([image] * 8), 8.0)
    write_preview(tmp_path / "a.mp4", video)
    read = read_video(tmp_path / "a.mp4")
    assert np.abs(read.frames.astype(int) - video.frames).mean() < 3


@pytest.mark.parametrize("write", [write_lossless, write_preview])
def test_failed_write_leaves_what_was_there(
    tmp_path: Path,
    write: Callable[[Path, Video], None],
    moving_square: Video,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = tmp_path / "a.mkv"
    path.write_bytes(b"before")

    def full(*_: object, **__: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("smmbench.video.writing.VideoFrame", SimpleNamespace(from_ndarray=full))
    with pytest.raises(OSError, match="no space left"):
        write(path, moving_square)
    assert path.read_bytes() == b"before"
    assert [file.name for file in tmp_path.iterdir()] == ["a.mkv"]
