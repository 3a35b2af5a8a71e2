"""Reading: every good file gives its pixels, every bad one a sentence that says why."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from smmbench.video import Limits, VideoError, read_video

Make = Callable[..., Path]

# Four corners that no turn or mirroring maps to themselves.
RED, GREEN, BLUE, BLACK = [255, 0, 0], [0, 255, 0], [0, 0, 255], [0, 0, 0]


def corners(count: int = 4, height: int = 32, width: int = 48) -> np.ndarray:
    """Red, green over blue, black; each frame a little darker than the one before."""
    frames = np.zeros((count, height, width, 3), np.uint8)
    for t in range(count):
        frames[t, : height // 2, : width // 2, 0] = 255 - 10 * t
        frames[t, : height // 2, width // 2 :, 1] = 255 - 10 * t
        frames[t, height // 2 :, : width // 2, 2] = 255 - 10 * t
    return frames


def seen(frame: np.ndarray) -> str:
    """Colours of the four corners, row by row: `RGBk` for `corners`."""
    height, width = frame.shape[:2]
    points = [(y, x) for y in (3, height - 4) for x in (3, width - 4)]
    return "".join("RGB"[int(frame[p].argmax())] if frame[p].max() > 120 else "k" for p in points)


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Encode frames to a file, straight by PyAV."""

    def made(
        name: str,
        frames: np.ndarray | None = None,
        codec: str = "libx264rgb",
        pix_fmt: str = "rgb24",
        rate: Fraction = Fraction(8),
        source_format: str = "rgb24",
        times: list[int] | None = None,
        set_up: Callable[[Any], None] | None = None,
        container_options: dict[str, str] | None = None,
        **options: str,
    ) -> Path:
        path = tmp_path / name
        frames = corners() if frames is None else frames
        lossless = {"qp": "0"} if codec.startswith("libx264") else {}
        with av.open(str(path), "w", options=container_options or {}) as container:
            stream: Any = container.add_stream(codec, rate=rate, options=lossless | options)
            stream.height, stream.width = frames.shape[1:3]
            stream.pix_fmt = pix_fmt
            if set_up:
                set_up(stream)
            for t, image in enumerate(frames):
                frame = av.VideoFrame.from_ndarray(image, format=source_format)
                frame.pts = times[t] if times else t
                frame.time_base = 1 / rate
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
        return path

    return made


# --- what is read ---------------------------------------------------------------------------


def test_lossless_file_gives_its_very_pixels(make: Make) -> None:
    video = read_video(make("a.mp4"))
    assert np.array_equal(video.frames, corners())
    assert (video.fps, video.notes) == (8.0, ())


@pytest.mark.parametrize(
    ("name", "codec", "pix_fmt"),
    [
        ("a.mp4", "libx264", "yuv420p"),
        ("a.mov", "mpeg4", "yuv420p"),
        ("a.mkv", "ffv1", "bgr0"),
        ("a.webm", "libvpx-vp9", "yuv420p"),
        ("a.gif", "gif", "rgb8"),
    ],
)
def test_every_container_is_read(make: Make, name: str, codec: str, pix_fmt: str) -> None:
    video = read_video(make(name, codec=codec, pix_fmt=pix_fmt, rate=Fraction(10)))
    assert video.frames.shape == (4, 32, 48, 3)
    assert video.fps == 10
    assert [seen(frame) for frame in video.frames] == ["RGBk"] * 4


def test_container_is_told_by_content_and_not_by_name(make: Make) -> None:
    path = make("a.mkv", codec="ffv1", pix_fmt="bgr0")
    renamed = path.rename(path.with_name("a.mp4"))
    assert np.array_equal(read_video(renamed).frames, corners())


@pytest.mark.parametrize("full", [False, True], ids=["limited", "full"])
@pytest.mark.parametrize(("matrix", "kr", "kb"), [(1, 0.2126, 0.0722), (6, 0.299, 0.114)])
def test_colours_follow_matrix_and_range(
    make: Make, matrix: int, kr: float, kb: float, full: bool
) -> None:
    """Constant Y, Cb, Cr against the closed form of BT.709 (1) and BT.601 (6)."""
    y, cb, cr = 120, 90, 170

    def tag(stream: Any) -> None:
        stream.height = 32  # the array below has the chroma planes under the luma
        stream.codec_context.colorspace = matrix
        stream.codec_context.color_range = 2 if full else 1

    planes = np.concatenate(
        [np.full((32, 32), y), np.full((8, 32), cb), np.full((8, 32), cr)]
    ).astype(np.uint8)
    path = make("c.mp4", planes[None], "libx264", "yuv420p", source_format="yuv420p", set_up=tag)
    luma = y / 255 if full else (y - 16) / 219
    blue, red = ((c - 128) / (255 if full else 224) for c in (cb, cr))
    r, b = luma + 2 * (1 - kr) * red, luma + 2 * (1 - kb) * blue
    g = (luma - kr * r - kb * b) / (1 - kr - kb)
    expected = 255 * np.array([r, g, b])
    assert np.abs(read_video(path).frames[0, 16, 16] - expected).max() < 2  # swscale rounds thrice


@pytest.mark.parametrize("size", [(31, 47), (33, 48), (32, 45)])
def test_odd_sizes_are_read(make: Make, size: tuple[int, int]) -> None:
    video = read_video(make("a.mkv", corners(3, *size), "ffv1", "yuv420p"))
    assert video.frames.shape == (3, *size, 3)
    assert seen(video.frames[0]) == "RGBk"


def test_one_frame_is_a_video(make: Make) -> None:
    assert read_video(make("a.mp4", corners(1))).frames.shape[0] == 1


def test_cover_picture_is_not_the_video(make: Make) -> None:
    def cover(stream: Any) -> None:
        stream.disposition = av.stream.Disposition.attached_pic

    path = make("a.mp4", corners(1), "mjpeg", "yuvj420p", set_up=cover)
    with pytest.raises(VideoError, match="no video stream"):
        read_video(path)


# --- what is converted, and said ------------------------------------------------------------


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
@pytest.mark.parametrize(
    ("degrees", "hflip", "corner_colours", "note"),
    [
        (90, False, "GkRB", "90 degrees anticlockwise"),
        (-90, False, "BRkG", "90 degrees clockwise"),
        (180, False, "kBGR", "180 degrees"),
        (0, True, "GRkB", "mirrored"),
        (180, True, "BkRG", "upside down"),
    ],
)
def test_rotation_flag_is_applied(
    make: Make, name: str, degrees: int, hflip: bool, corner_colours: str, note: str
) -> None:
    path = make(name, set_up=lambda s: s.set_display_rotation(degrees, hflip=hflip))
    video = read_video(path)
    assert seen(video.frames[0]) == corner_colours
    assert video.frames.shape[1:3] == ((48, 32) if abs(degrees) == 90 else (32, 48))
    assert note in video.notes[0]


def test_transposing_flags_are_applied(make: Make) -> None:
    one = 1 << 16
    for b, corner_colours in ((one, "RBGk"), (-one, "kGBR")):
        matrix = [0, b, 0, b, 0, 0, 0, 0, 1 << 30]
        path = make("a.mp4", set_up=lambda s, m=matrix: s.set_display_matrix(m))
        video = read_video(path)
        assert seen(video.frames[0]) == corner_colours
        assert "transposed" in video.notes[0]


def test_slanted_rotation_is_refused(make: Make) -> None:
    path = make("a.mp4", set_up=lambda s: s.set_display_rotation(30))
    with pytest.raises(VideoError, match="not a multiple of 90 degrees"):
        read_video(path)


def test_variable_rate_keeps_every_frame_at_the_mean(make: Make) -> None:
    video = read_video(make("a.mp4", rate=Fraction(100), times=[0, 10, 40, 50]))
    assert np.array_equal(video.frames, corners())
    assert video.fps == pytest.approx(3 / 0.5)
    assert "variable frame rate" in video.notes[0]


@pytest.mark.parametrize(
    "rate", [Fraction(24000, 1001), Fraction(25, 2), Fraction(60), Fraction(1, 3)]
)
@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_even_rates_are_exact(make: Make, name: str, rate: Fraction) -> None:
    video = read_video(make(name, rate=rate))
    assert video.fps == pytest.approx(float(rate), rel=1e-9)
    assert video.notes == ()


def test_ten_bits_become_eight(make: Make) -> None:
    video = read_video(make("a.mp4", codec="libx264", pix_fmt="yuv444p10le"))
    assert video.notes == ("10 bit to 8",)
    assert np.abs(video.frames.astype(int) - corners()).max() <= 2


def test_alpha_is_laid_over_black(make: Make) -> None:
    rgba = np.full((2, 32, 48, 4), 200, np.uint8)
    rgba[..., 3] = 255
    rgba[:, :, 24:, 3] = 51  # a fifth
    video = read_video(make("a.mkv", rgba, "ffv1", "bgra", source_format="rgba"))
    assert video.notes == ("transparent parts laid over black",)
    assert (video.frames[:, :, :24] == 200).all()
    assert (video.frames[:, :, 24:] == 40).all()


def test_opaque_alpha_is_not_worth_a_word(make: Make) -> None:
    rgba = np.full((2, 32, 48, 4), 255, np.uint8)
    assert read_video(make("a.mkv", rgba, "ffv1", "bgra", source_format="rgba")).notes == ()


def test_transparent_animation_is_laid_over_black(tmp_path: Path) -> None:
    shown = [Image.fromarray(frame).convert("RGBA") for frame in corners(3)]
    for image in shown:
        image.paste((0, 0, 0, 0), (0, 0, 24, 16))  # where the red was
    path = tmp_path / "a.gif"
    shown[0].save(path, save_all=True, append_images=shown[1:], duration=100, disposal=2)
    video = read_video(path)
    assert [seen(frame) for frame in video.frames] == ["kGBk"] * 3
    assert (video.fps, video.notes) == (10, ("transparent parts laid over black",))


@pytest.mark.parametrize(
    ("aspect", "shape"), [(Fraction(4, 3), (32, 64)), (Fraction(1, 2), (64, 48))]
)
def test_pixels_are_made_square(make: Make, aspect: Fraction, shape: tuple[int, int]) -> None:
    def set_up(stream: Any) -> None:
        stream.sample_aspect_ratio = aspect

    video = read_video(make("a.mp4", set_up=set_up))
    assert video.frames.shape[1:3] == shape
    assert seen(video.frames[0]) == "RGBk"
    assert "made square" in video.notes[0]


def test_interlaced_fields_are_taken_apart(make: Make) -> None:
    """Every second line is from another time: a comb that must be gone."""
    frames = np.full((6, 64, 96, 3), 20, np.uint8)
    for t in range(6):
        frames[t, 0::2, 10 * t : 10 * t + 30] = 230
        frames[t, 1::2, 10 * t + 5 : 10 * t + 35] = 230
    path = make("a.mp4", frames, "libx264", "yuv420p", **{"x264-params": "interlaced=1"})
    video = read_video(path)
    assert video.notes == ("deinterlaced by bwdif",)
    assert video.frames.shape == frames.shape

    def comb(clip: np.ndarray) -> float:
        lines = clip[1:-1, :, :, 1].astype(float)
        return float(np.abs(2 * lines[:, 1:-1] - lines[:, :-2] - lines[:, 2:]).mean())

    assert comb(video.frames) < 0.35 * comb(frames)


# --- what is refused ------------------------------------------------------------------------


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(VideoError, match="no such file or folder"):
        read_video(tmp_path / "none.mp4")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"not a video at all", "must be mp4, mov, mkv"),
        (b"ffconcat version 1.0\nfile /etc/hostname\n", "must be mp4, mov, mkv"),
        (b"#EXTM3U\n#EXTINF:1,\nfile:///etc/hostname\n", "must be mp4, mov, mkv"),
        (b"\0\0\0\x18ftypmp42" + b"\0" * 12, "index"),
        (b"\x1a\x45\xdf\xa3\x84abcd", "cannot be decoded"),
    ],
)
def test_file_that_is_no_video(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(content)
    with pytest.raises(VideoError, match=message):
        read_video(path)


@pytest.mark.parametrize(
    ("name", "codec", "pix_fmt", "container_options"),
    [
        ("a.mp4", "libx264", "yuv420p", {}),
        ("a.mp4", "libx264", "yuv420p", {"movflags": "+faststart"}),
        ("a.mp4", "libx264", "yuv420p", {"movflags": "+frag_every_frame"}),
        ("a.mkv", "ffv1", "bgr0", {}),
        ("a.webm", "libvpx-vp9", "yuv420p", {}),
        ("a.gif", "gif", "rgb8", {}),
    ],
    ids=["mp4", "mp4-index-first", "mp4-fragments", "mkv", "webm", "gif"],
)
def test_cut_file_is_an_error_wherever_it_is_cut(
    make: Make, name: str, codec: str, pix_fmt: str, container_options: dict[str, str]
) -> None:
    path = make(name, codec=codec, pix_fmt=pix_fmt, container_options=container_options)
    whole = path.read_bytes()
    assert len(read_video(path).frames) == 4
    lengths = {*np.linspace(0, len(whole), 40, endpoint=False).astype(int), len(whole) - 1}
    for length in sorted(lengths):
        path.write_bytes(whole[:length])
        with pytest.raises(VideoError):
            read_video(path)


@pytest.mark.parametrize("movflags", ["+frag_every_frame", "+frag_every_frame+empty_moov"])
def test_fragments_without_an_end_are_refused(make: Make, movflags: str) -> None:
    path = make("a.mp4", container_options={"movflags": movflags})
    whole = path.read_bytes()
    path.write_bytes(whole[: whole.rindex(b"mfra") - 4])  # cut between two boxes
    with pytest.raises(VideoError, match="fragments and does not state how many"):
        read_video(path)


def test_matroska_without_a_length_is_refused(make: Make) -> None:
    path = make("a.mkv", codec="ffv1", pix_fmt="bgr0", container_options={"live": "1"})
    with pytest.raises(VideoError, match="does not state its length"):
        read_video(path)


def test_damage_within_is_an_error_and_not_painted_over(make: Make) -> None:
    path = make("a.mp4", codec="libx264", pix_fmt="yuv420p")
    with av.open(str(path)) as container:
        third = [packet.pos or 0 for packet in container.demux(video=0)][2]
    content = bytearray(path.read_bytes())
    content[third : third + 4] = b"\xff" * 4  # the length of what follows
    path.write_bytes(content)
    with pytest.raises(VideoError, match="cannot be decoded"):
        read_video(path)


def test_frames_that_cannot_be_decoded_are_not_left_out(make: Make, tmp_path: Path) -> None:
    """A file that was cut at its beginning: its first frames build on one that is gone."""
    path, late = (
        make("a.mp4", codec="libx264", pix_fmt="yuv420p", g="2", bf="0"),
        tmp_path / "b.mp4",
    )
    with av.open(str(path)) as whole, av.open(str(late), "w") as container:
        stream = container.add_stream_from_template(whole.streams.video[0])
        for packet in list(whole.demux(video=0))[1:-1]:
            packet.stream = stream
            container.mux(packet)
    with pytest.raises(VideoError, match="damaged"):
        read_video(late)


def test_names_inside_may_be_of_any_encoding(make: Make) -> None:
    path = make("a.mp4")
    path.write_bytes(path.read_bytes().replace(b"Lavf", b"L\xe4vf"))
    assert np.array_equal(read_video(path).frames, corners())


def test_unknown_codec(make: Make) -> None:
    path = make("a.mkv", codec="ffv1", pix_fmt="bgr0")
    path.write_bytes(path.read_bytes().replace(b"V_FFV1", b"V_NONE"))
    with pytest.raises(VideoError, match="codec that FFmpeg does not support"):
        read_video(path)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_no_video_stream(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=44100)
        silence = np.zeros((1, 1024), np.float32)
        for t in range(4):
            frame = av.AudioFrame.from_ndarray(silence, format="fltp", layout="mono")
            frame.sample_rate, frame.pts = 44100, 1024 * t
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    with pytest.raises(VideoError, match="no video stream; it contains: audio"):
        read_video(path)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_zero_frames(make: Make, name: str) -> None:
    path = make(
        name,
        np.zeros((0, 32, 48, 3), np.uint8),
        set_up=lambda stream: stream.container.start_encoding(),
        container_options={"movflags": "+empty_moov"},  # else there would be no stream at all
    )
    with pytest.raises(VideoError, match="zero frames"):
        read_video(path)


def test_animation_of_zero_frames(tmp_path: Path) -> None:
    path = tmp_path / "a.gif"
    path.write_bytes(b"GIF89a" + bytes([48, 0, 32, 0, 0, 0, 0]) + b";")
    with pytest.raises(VideoError, match="zero frames"):
        read_video(path)


def test_change_of_size_is_refused(tmp_path: Path) -> None:
    """Two GIF-like clips in one stream: MPEG-4 headers of another size half way."""
    path = tmp_path / "a.mkv"
    encoded = []
    for height in (32, 48):
        context: Any = av.CodecContext.create("mpeg4", "w")
        context.width, context.height, context.pix_fmt = 48, height, "yuv420p"
        context.time_base, context.framerate = Fraction(1, 8), Fraction(8)
        frame = av.VideoFrame.from_ndarray(corners(1, height)[0], format="rgb24")
        encoded += [bytes(p) for p in context.encode(frame) + context.encode(None)]
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("mpeg4", rate=8)
        stream.width, stream.height, stream.pix_fmt = 48, 32, "yuv420p"
        for t, content in enumerate(encoded):
            packet = av.Packet(content)
            packet.stream, packet.pts, packet.dts = stream, t, t
            packet.time_base, packet.is_keyframe = Fraction(1, 8), True
            container.mux(packet)
    with pytest.raises(VideoError, match="changes its size from 48x32 to 48x48 at frame 1"):
        read_video(path)


# --- limits ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
@pytest.mark.parametrize(
    ("limits", "message"),
    [
        (Limits(frames=3), "4 frames or more; the limit is 3"),
        (Limits(frame_pixels=32 * 48 - 1), "48x32, 1536 pixels; the limit is 1535"),
        (Limits(total_pixels=4 * 32 * 48 - 1), "6144 pixels in all; the limit is 6143"),
    ],
)
def test_over_a_limit_is_refused(make: Make, name: str, limits: Limits, message: str) -> None:
    path = make(name)
    with pytest.raises(VideoError, match=message):
        read_video(path, limits)


def test_just_within_every_limit_is_read(make: Make) -> None:
    limits = Limits(frames=4, frame_pixels=32 * 48, total_pixels=4 * 32 * 48)
    assert len(read_video(make("a.mp4"), limits).frames) == 4


def test_frames_larger_than_their_header_says_are_not_decoded(make: Make) -> None:
    """The container says 48x32, the stream 2048x2048: refused by the decoder itself."""
    big = make("big.mkv", np.zeros((1, 2048, 2048, 3), np.uint8), "mpeg4", "yuv420p")
    content = big.read_bytes()
    width, height = content.index(b"\xb0\x82\x08\x00"), content.index(b"\xba\x82\x08\x00")
    forged = bytearray(content)
    forged[width + 2 : width + 4], forged[height + 2 : height + 4] = b"\x00\x30", b"\x00\x20"
    big.write_bytes(forged)
    with pytest.raises(VideoError, match="limit"):
        read_video(big, Limits(frame_pixels=2**18))


def test_stretching_to_square_pixels_is_within_the_limits(make: Make) -> None:
    def set_up(stream: Any) -> None:
        stream.sample_aspect_ratio = Fraction(20, 1)

    path = make("a.mp4", set_up=set_up)
    with pytest.raises(VideoError, match="960x32"):
        read_video(path, Limits(frame_pixels=10_000))


# --- folders of images ----------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Callable[..., Path]:
    """Write frames as images under the names given."""

    def made(*names: str, frames: np.ndarray | None = None) -> Path:
        images = tmp_path / "images"
        images.mkdir(exist_ok=True)
        for name, frame in zip(
            names, corners(len(names)) if frames is None else frames, strict=True
        ):
            Image.fromarray(frame).save(images / name)
        return images

    return made


def test_images_come_in_the_order_of_their_numbers(folder: Make) -> None:
    names = [f"frame-{t}.png" for t in range(8, 12)]  # as text, 10 comes before 8
    images = folder(*names)
    (images / "notes.txt").write_text("ignored")
    (images / "._frame-8.png").write_bytes(b"ignored")
    video = read_video(images, fps=12.5)
    assert np.array_equal(video.frames, corners())
    assert (video.fps, video.notes) == (12.5, ())


def test_folder_without_a_rate_is_at_eight_and_says_so(folder: Make) -> None:
    video = read_video(folder("1.jpg", "2.JPG", "3.jpeg"))
    assert video.fps == 8
    assert video.notes == ("frame rate not given: 8 assumed",)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["1.png", "2.png", "4.png"], "gap: frame 3 is missing"),
        (["1.png", "01.png"], "frame 1 twice"),
        (["1.png", "1.jpg"], "frame 1 twice"),
        (["a1.png", "b2.png"], "more than one sequence"),
        (["1.png", "cover.png"], "no number"),
        ([], "no numbered"),
    ],
)
def test_doubtful_folder_is_refused(folder: Make, names: list[str], message: str) -> None:
    with pytest.raises(VideoError, match=message):
        read_video(folder(*names))


def test_images_of_unlike_sizes_are_refused(folder: Make) -> None:
    folder("1.png")
    images = folder("2.png", frames=corners(1, 32, 46))
    with pytest.raises(VideoError, match="is 46x32, but the images before it are 48x32"):
        read_video(images)


def test_cut_image_is_refused(folder: Make) -> None:
    images = folder("1.png", "2.png")
    content = (images / "2.png").read_bytes()
    for length in range(0, len(content) - 12, 7):  # the last 12 bytes are the empty end chunk
        (images / "2.png").write_bytes(content[:length])
        with pytest.raises(VideoError, match="cannot be read as an image"):
            read_video(images)


def test_images_are_converted_and_it_is_said(tmp_path: Path) -> None:
    clear = np.full((8, 8, 4), 200, np.uint8)
    clear[..., 3] = 51
    Image.fromarray(clear).save(tmp_path / "1.png")
    Image.fromarray(np.full((8, 8), 257 * 99, np.uint16)).save(tmp_path / "2.png")
    turned = Image.fromarray(np.full((8, 8, 3), 7, np.uint8))
    exif = turned.getexif()
    exif[0x0112] = 6
    turned.save(tmp_path / "3.png", exif=exif)
    video = read_video(tmp_path, fps=8.0)
    assert [int(frame.max()) for frame in video.frames] == [40, 99, 7]
    assert len(video.notes) == 3


def test_image_bomb_is_refused_before_it_is_decoded(folder: Make) -> None:
    images = folder("1.png")
    content = bytearray((images / "1.png").read_bytes())
    content[16:24] = (200_000).to_bytes(4) * 2  # width and height of the header
    crc = zlib.crc32(bytes(content[12:29]))
    content[29:33] = crc.to_bytes(4)
    (images / "1.png").write_bytes(content)
    with pytest.raises(VideoError, match="limit"):
        read_video(images)
    with pytest.raises(VideoError, match="2 frames or more; the limit is 1"):
        read_video(folder("1.png", "2.png"), Limits(frames=1))


def test_rate_must_be_above_zero(folder: Make) -> None:
    with pytest.raises(VideoError, match="above 0, got 0"):
        read_video(folder("1.png"), fps=0.0)
