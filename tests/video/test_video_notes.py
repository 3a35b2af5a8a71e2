"""Whatever is converted on reading is said, in every container that can hold it."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.video.reformatter import ColorPrimaries, ColorTrc
from PIL import Image

from smmbench.video import read_video

HEIGHT, WIDTH = 64, 64


def encode(
    path: Path, codec: str, pixels: str, image: np.ndarray, form: str, **colour: int
) -> Path:
    """Encode one picture three times, with what the stream says of its colours."""
    options = {"x265-params": "log-level=none"} if codec == "libx265" else {}
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=Fraction(8), options=options)
        stream.height, stream.width, stream.pix_fmt = HEIGHT, WIDTH, pixels
        for name, value in colour.items():
            setattr(stream.codec_context, name, value)
        for t in range(3):
            frame = av.VideoFrame.from_ndarray(image, format=form)
            frame.pts = t
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def said(path: Path) -> str:
    return "; ".join(read_video(path).notes)


def translucent() -> np.ndarray:
    image = np.full((HEIGHT, WIDTH, 4), 200, np.uint8)
    image[..., 3] = 255
    image[:, : WIDTH // 2, 3] = 90
    return image


@pytest.mark.parametrize(
    ("name", "codec", "pixels"),
    [
        ("a.mkv", "ffv1", "bgra"),
        ("a.avi", "ffv1", "bgra"),
        ("a.mov", "qtrle", "argb"),
        ("b.mov", "prores_ks", "yuva444p10le"),
        ("c.mov", "png", "rgba"),
    ],
)
def test_transparency_is_said(tmp_path: Path, name: str, codec: str, pixels: str) -> None:
    path = encode(tmp_path / name, codec, pixels, translucent(), "rgba")
    assert "transparent parts laid over black" in said(path)
    frames = read_video(path).frames
    assert abs(int(frames[0, 5, 5, 0]) - 200 * 90 // 255) <= 3
    assert abs(int(frames[0, 5, -5, 0]) - 200) <= 3


def test_transparency_of_webm_is_said_and_left_out(tmp_path: Path) -> None:
    """There it is a second picture, which FFmpeg's decoder does not show."""
    path = encode(tmp_path / "a.webm", "libvpx-vp9", "yuva420p", translucent(), "rgba")
    assert "transparency" in said(path)


def test_transparency_of_images_is_said(tmp_path: Path) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    Image.fromarray(translucent()).save(folder / "1.png")
    assert "transparent parts laid over black" in said(folder)


@pytest.mark.parametrize(
    ("name", "codec", "pixels"),
    [
        ("a.mp4", "libx265", "yuv420p10le"),
        ("a.mov", "libx265", "yuv420p10le"),
        ("a.mkv", "ffv1", "yuv420p10le"),
        ("a.avi", "ffv1", "yuv420p10le"),
    ],
)
def test_more_than_8_bits_are_said(tmp_path: Path, name: str, codec: str, pixels: str) -> None:
    image = np.full((HEIGHT, WIDTH, 3), 120, np.uint8)
    assert "10 bit to 8" in said(encode(tmp_path / name, codec, pixels, image, "rgb24"))


@pytest.mark.parametrize("name", ["a.mp4", "a.mov", "a.mkv"])
@pytest.mark.parametrize(
    ("colour", "note"),
    [
        ({"color_trc": int(ColorTrc.SMPTE2084)}, "high dynamic range"),
        ({"color_trc": int(ColorTrc.ARIB_STD_B67)}, "high dynamic range"),
        ({"color_primaries": int(ColorPrimaries.BT2020)}, "wide gamut"),
    ],
)
def test_other_colours_are_said(
    tmp_path: Path, name: str, colour: dict[str, int], note: str
) -> None:
    image = np.full((HEIGHT, WIDTH, 3), 120, np.uint8)
    path = encode(tmp_path / name, "libx265", "yuv420p10le", image, "rgb24", **colour)
    assert note in said(path)


def test_orientation_of_images_is_said(tmp_path: Path) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    image = Image.fromarray(np.zeros((HEIGHT, WIDTH, 3), np.uint8))
    exif = image.getexif()
    exif[0x0112] = 6
    image.save(folder / "1.jpg", exif=exif)
    video = read_video(folder)
    assert video.frames.shape[1:3] == (WIDTH, HEIGHT)
    assert any("orientation" in note for note in video.notes)


@pytest.mark.parametrize(
    ("name", "codec", "pixels"),
    [
        ("a.mp4", "libx264", "yuv420p"),
        ("a.mov", "mpeg4", "yuv420p"),
        ("a.mkv", "ffv1", "bgr0"),
        ("a.webm", "libvpx-vp9", "yuv420p"),
        ("a.avi", "mpeg4", "yuv420p"),
        ("a.gif", "gif", "rgb8"),
    ],
)
def test_an_ordinary_video_is_not_worth_a_word(
    tmp_path: Path, name: str, codec: str, pixels: str
) -> None:
    image = np.full((HEIGHT, WIDTH, 3), 120, np.uint8)
    assert said(encode(tmp_path / name, codec, pixels, image, "rgb24")) == ""
