"""A long or a large video costs the memory of what is used of it."""

from __future__ import annotations

import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

FORM = "NormalForm(24, 576, 320, 8.0)"
READ = f"""
import resource, sys
cap = int(sys.argv[2]) * 2**20
resource.setrlimit(resource.RLIMIT_AS, (cap, cap))
from smmbench.video import NormalForm, read_normal_form
video = read_normal_form(sys.argv[1], {FORM})
assert video.frames.shape == (24, 320, 576, 3)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""
"""Reads the normal form in a process that may have so many MiB; prints its peak, in MiB."""

CAP = 4096  # MiB of address space; all frames of the 4K minute as RGB would take 42 GiB


def long_video(path: Path, width: int, height: int, seconds: int) -> Path:
    """Write a video of 30 frames a second whose first second is repeated, without encoding it."""
    rng = np.random.default_rng(0)
    with av.open(str(path), "w") as container:
        options = {"preset": "ultrafast", "crf": "40", "bf": "0", "g": "30"}
        stream: Any = container.add_stream("libx264", rate=30, options=options)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.time_base = Fraction(1, 30)
        small = rng.integers(0, 255, (height // 40, width // 40, 3), dtype=np.uint8)
        packets = []
        for t in range(30):
            image = np.roll(np.kron(small, np.ones((40, 40, 1), np.uint8)), 4 * t, axis=1)
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts = t
            packets += [(bytes(one), one.pts, one.is_keyframe) for one in stream.encode(frame)]
        packets += [(bytes(one), one.pts, one.is_keyframe) for one in stream.encode()]
        for second in range(seconds):
            for data, pts, key in packets:
                packet = av.Packet(data)
                packet.stream, packet.time_base = stream, Fraction(1, 30)
                packet.pts = packet.dts = int(pts) + 30 * second
                packet.is_keyframe = key
                container.mux(packet)
    return path


def peak(path: Path, cap: int = CAP) -> int:
    """MiB that reading the normal form of a file takes, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", READ, str(path), str(cap)],
        capture_output=True, text=True, check=False, env=_environment(),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


def _environment() -> dict[str, str]:
    import os

    return {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("width", "height", "seconds"), [(3840, 2160, 60), (1920, 1080, 600)], ids=["4K", "1080p"]
)
def test_a_minute_of_4k_and_ten_of_1080p_cost_what_is_used(
    width: int, height: int, seconds: int, tmp_path: Path
) -> None:
    short = peak(long_video(tmp_path / "short.mp4", width, height, 4))
    long = peak(long_video(tmp_path / "long.mp4", width, height, seconds))
    print(f"{width}x{height}: {short} MiB of 4 s, {long} MiB of {seconds} s")
    assert long <= 1.1 * short + 16
