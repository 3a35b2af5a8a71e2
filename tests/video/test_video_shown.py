"""What a player shows is what counts: pictures that it does not show are not missing."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from tests.video.fuzz_videos import fuzz

from smmbench.video import (
    NormalForm,
    Video,
    VideoError,
    normal_form,
    read_normal_form,
    read_video,
    write_lossless,
)
from smmbench.video.shown import Owed, is_hidden

FILES = Path(__file__).parent / "files"
RATE = 24


def square(t: int, height: int = 96, width: int = 128) -> np.ndarray:
    """Frame `t` of a square that moves over a texture."""
    image = np.random.default_rng(0).integers(0, 90, (height, width, 3), dtype=np.uint8)
    x = (5 + 3 * t) % (width - 30)
    image[20:50, x : x + 30] = 250
    return image


def encode(path: Path, codec: str, options: dict[str, str] | None = None, count: int = 140) -> Path:
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=RATE, options=options or {})
        stream.height, stream.width, stream.pix_fmt = 96, 128, "yuv420p"
        for t in range(count):
            frame = av.VideoFrame.from_ndarray(square(t), format="rgb24")
            frame.pts = t
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


@pytest.fixture(scope="module")
def open_groups(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """H.264 and HEVC whose groups of pictures refer to the group before."""
    folder = tmp_path_factory.mktemp("open")
    return {
        "h264": encode(folder / "h264.mp4", "libx264", {"g": "24", "x264-params": "open-gop=1"}),
        "hevc": encode(
            folder / "hevc.mp4", "libx265", {"g": "24", "x265-params": "open-gop=1:log-level=none"}
        ),
    }


def trim(path: Path, key: int, out: Path) -> Path:
    """Copy from the `key`-th key picture on, without decoding, as `ffmpeg -ss -c copy` does."""
    with av.open(str(path)) as source, av.open(str(out), "w") as target:
        stream = source.streams.video[0]
        copied = target.add_stream_from_template(stream)
        seen, start = -1, None
        for packet in source.demux(stream):
            seen += packet.is_keyframe and packet.size > 0
            if seen < key or packet.dts is None or packet.pts is None:
                continue
            start = packet.dts if start is None else start
            packet.pts -= start
            packet.dts -= start
            packet.stream = copied
            target.mux(packet)
    return out


@pytest.mark.parametrize("ending", ["mp4", "mkv"])
@pytest.mark.parametrize("key", [1, 2, 4])
@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_trim_of_open_groups_shows_the_pictures_of_the_whole(
    open_groups: dict[str, Path], tmp_path: Path, codec: str, key: int, ending: str
) -> None:
    """Every shown picture is one of the original's, in its order, without a gap."""
    whole = [frame.tobytes() for frame in read_video(open_groups[codec]).frames]
    video = read_video(trim(open_groups[codec], key, tmp_path / f"trim.{ending}"))
    first = whole.index(video.frames[0].tobytes())
    assert 24 * key - 4 <= first <= 24 * key
    assert [frame.tobytes() for frame in video.frames] == whole[first:]


def test_damage_after_an_open_start_is_still_refused(
    open_groups: dict[str, Path], tmp_path: Path
) -> None:
    path = trim(open_groups["h264"], 2, tmp_path / "trim.mkv")
    data = bytearray(path.read_bytes())
    refused = 0
    for at in range(len(data) // 3, len(data) - 600, len(data) // 20):
        broken = bytearray(data)
        broken[at : at + 40] = bytes(40)
        path.write_bytes(broken)
        try:
            read_video(path)
        except VideoError:
            refused += 1
    assert refused >= 10


def test_invisible_reference_pictures_are_not_missing() -> None:
    """VP8 of two passes: 42 packets, of which two are alt-refs that nobody sees."""
    video = read_video(FILES / "alt-ref.webm")
    assert (len(video.frames), video.fps) == (40, 24.0)


@pytest.mark.parametrize(
    ("codec", "head", "hidden"),
    [
        ("vp8", b"\x90", False),
        ("vp8", b"\x81", True),
        ("vp9", b"\x86\x00", False),
        ("vp9", b"\x84\x00", True),  # profile 0, inter picture, show_frame 0
        ("vp9", b"\x88\x00", False),  # shows an existing picture
        ("h264", b"\x00\x00", False),
        ("vp8", b"", False),
    ],
)
def test_hidden_pictures_are_told_by_their_first_bits(
    codec: str, head: bytes, hidden: bool
) -> None:
    assert is_hidden(codec, head) == hidden


def test_leading_pictures_are_owed_only_after_the_first_key_picture() -> None:
    owed = Owed("hevc")
    for time in (100, 40, None, 80, 140, 120, 180):
        owed.add(b"\0\0", time, discarded=False)
    assert owed.lost([100, 120, 140, 180], whole=True) == 0
    assert owed.lost([40, 100, 120, 140, 180], whole=True) == 0  # decoded all the same
    assert owed.lost([100, 140, 180], whole=True) == 1
    assert owed.lost([120, 140, 180], whole=True) == 1  # the key picture itself
    assert owed.lost([100, 120], whole=False) == 0


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.mov", "a.gif", "a.avi"])
def test_bytes_after_the_end_are_left_alone(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    codec, pixels = ("gif", "rgb8") if name == "a.gif" else ("mpeg4", "yuv420p")
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=10)
        stream.height, stream.width, stream.pix_fmt = 96, 128, pixels
        for t in range(5):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(square(t), format="rgb24")))
        container.mux(stream.encode())
    before = read_video(path)
    with path.open("ab") as file:
        file.write(b"\x01\x02 junk that a download left behind" * 9)
    assert read_video(path).pixels_sha256 == before.pixels_sha256


# --- times ----------------------------------------------------------------------------------


def phone(path: Path) -> tuple[Path, np.ndarray]:
    """Thirty frames a second and then ten, each frame told by its grey; and its times."""
    times = [33 * t for t in range(30)] + [990 + 100 * (t - 29) for t in range(30, 60)]
    with av.open(str(path), "w") as container:
        options = {"qp": "0"} if path.suffix == ".mp4" else {}
        codec = "libx264rgb" if path.suffix == ".mp4" else "ffv1"
        stream: Any = container.add_stream(codec, rate=30, options=options)
        stream.height, stream.width = 16, 16
        stream.pix_fmt = "rgb24" if path.suffix == ".mp4" else "bgr0"
        stream.codec_context.time_base = Fraction(1, 1000)
        for t, time in enumerate(times):
            image = np.full((16, 16, 3), 4 * t, np.uint8)
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = time, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path, np.array(times) / 1000


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_variable_rate_takes_the_frame_nearest_to_each_instant(tmp_path: Path, name: str) -> None:
    path, times = phone(tmp_path / name)
    video = read_video(path)
    assert np.allclose(video.instants, times - times[0], atol=1e-3)
    form = NormalForm(24, 16, 16, 8.0)
    for taken in (normal_form(video, form), read_normal_form(path, form)):
        frames = taken.frames[:, 0, 0, 0] // 4
        wanted = np.arange(24) / 8
        assert np.abs(times[frames] - wanted).max() <= 0.05 + 1e-9  # half of the longest step
        nearest = np.abs(times[None] - wanted[:, None]).min(axis=1)
        assert np.allclose(np.abs(times[frames] - wanted), nearest, atol=1e-3)


@pytest.mark.parametrize(("rate", "fps"), [(24, 8.0), (30, 8.0), (12, 8.0), (8, 24.0)])
def test_reading_the_normal_form_alone_gives_the_same(
    tmp_path: Path, rate: int, fps: float
) -> None:
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("ffv1", rate=rate)
        stream.height, stream.width, stream.pix_fmt = 96, 128, "bgr0"
        for t in range(60):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(square(t), format="rgb24")))
        container.mux(stream.encode())
    form = NormalForm(9, 48, 40, fps)
    whole = normal_form(read_video(path), form)
    assert read_normal_form(path, form).pixels_sha256 == whole.pixels_sha256


def test_damage_after_the_normal_form_is_not_read(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.mp4", "libx264", {"g": "6", "bf": "0"}, 60)
    with av.open(str(path)) as container:
        late = [packet.pos or 0 for packet in container.demux(video=0)][45]
    data = bytearray(path.read_bytes())
    data[late : late + 4] = b"\xff" * 4
    path.write_bytes(data)
    with pytest.raises(VideoError, match="decode"):
        read_video(path)
    assert len(read_normal_form(path, NormalForm(30, 128, 96, 24.0)).frames) == 30


def test_times_are_kept_in_a_result(tmp_path: Path) -> None:
    frames = np.stack([square(t) for t in range(3)])
    write_lossless(tmp_path / "a.mkv", Video(frames, 2 / 0.5, (), (0.0, 0.1, 0.5)))
    video = read_video(tmp_path / "a.mkv")
    assert np.array_equal(video.frames, frames)
    assert video.instants == (0.0, 0.1, 0.5)


@pytest.mark.parametrize("instants", [(0.0, 0.1), (0.1, 0.2, 0.3), (0.0, 0.2, 0.2)])
def test_instants_begin_at_zero_increase_and_are_as_many_as_frames(
    instants: tuple[float, ...],
) -> None:
    with pytest.raises(VideoError, match="instant"):
        Video(np.zeros((3, 4, 4, 3), np.uint8), 8.0, (), instants)


def test_shorter_video_is_taken_only_if_that_is_allowed(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.mp4", "libx264", count=10)
    form = NormalForm(16, 128, 96, 24.0)
    with pytest.raises(VideoError, match=r"a\.mp4.*10 frames"):
        read_normal_form(path, form)
    assert len(read_normal_form(path, form, shorter=True).frames) == 10


@pytest.mark.parametrize("name", ["a.avi", "a.mpg"])
def test_other_containers_are_read(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    codec = "mpeg4" if name == "a.avi" else "mpeg2video"
    encode(path, codec, count=12)
    video = read_video(path)
    assert (len(video.frames), video.fps) == (12, RATE)
    assert bool(video.notes) == (name == "a.mpg")  # its length is not told: a note
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    with pytest.raises(VideoError, match="cut"):
        read_video(path)


# --- damage ---------------------------------------------------------------------------------


def test_mutated_files_are_read_or_refused_and_a_cut_one_is_refused() -> None:
    """A short run of the fuzz command; the full one reads 20,000 files."""
    counts, faults = fuzz(220, seed=7)
    assert sum(counts.values()) == 220
    assert not faults
    assert sum(count for what, count in counts.items() if what.endswith(" read")) > 20
    assert sum(count for what, count in counts.items() if what.endswith(" shorter")) < 5
