"""Read mutated video files: each one is read or refused in words, and none ends the process.

    python tests/video/fuzz_videos.py --files 20000 --seed 0

Small videos of every container that is read are made here, cut, and damaged at random. Exit
code 1 if any file crashed the reader or raised anything but a `VideoError`, or if one that was
only cut came back as a shorter video. Damage may also change what a file says of itself, such as
how long it is to be shown; files that came back shorter for that are counted. A file is made
again from its number: `--only N` reads that one alone.
"""

from __future__ import annotations

import argparse
import collections
import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import av
import numpy as np

KINDS = {
    "mp4": ("libx264", "yuv420p", "mp4", {}),
    "mp4-index-first": ("libx264", "yuv420p", "mp4", {"movflags": "+faststart"}),
    "mov": ("mpeg4", "yuv420p", "mov", {}),
    "hevc": ("libx265", "yuv420p", "mp4", {}),
    "mkv": ("ffv1", "bgr0", "matroska", {}),
    "mkv-h264": ("libx264", "yuv420p", "matroska", {}),
    "webm-vp8": ("libvpx", "yuv420p", "webm", {}),
    "webm-vp9": ("libvpx-vp9", "yuv420p", "webm", {}),
    "gif": ("gif", "rgb8", "gif", {}),
    "avi": ("mpeg4", "yuv420p", "avi", {}),
    "mpg": ("mpeg2video", "yuv420p", "mpeg", {}),
}
FRAMES = 6
BATCH = 250  # files read by one process
UNSEEN_CUTS = ("mpg",)  # the container does not say its length; a note says so


def encoded(kind: str) -> bytes:
    """A moving square in one of the `KINDS`."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "good"
        _encode(path, kind)
        return path.read_bytes()


def _encode(path: Path, kind: str) -> None:
    codec, pixels, container, options = KINDS[kind]
    more = {"x265-params": "log-level=none"} if codec == "libx265" else {}
    with av.open(str(path), "w", format=container, options=options) as opened:
        stream: Any = opened.add_stream(codec, rate=25, options=more)
        stream.width, stream.height, stream.pix_fmt = 64, 48, pixels
        for t in range(FRAMES):
            image = np.random.default_rng(0).integers(0, 90, (48, 64, 3), dtype=np.uint8)
            image[10:30, 5 + 6 * t : 25 + 6 * t] = 250
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts = t
            opened.mux(stream.encode(frame))
        opened.mux(stream.encode())


def mutated(data: bytes, rng: random.Random) -> tuple[bytes, bool]:
    """One to four random kinds of damage; and whether the file was only cut."""
    out = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 4))):
        if not out:
            break
        at, length = rng.randrange(len(out)), rng.choice((1, 2, 4, 16, 200))
        match rng.randrange(7):
            case 0:
                del out[rng.randrange(1, len(out) + 1) :]  # cut
            case 1:
                out[at] ^= 1 << rng.randrange(8)
            case 2:
                out[at : at + length] = rng.randbytes(len(out[at : at + length]))
            case 3:
                out[at : at + length] = bytes(len(out[at : at + length]))
            case 4:
                del out[at : at + length]
            case 5:
                out[at:at] = rng.randbytes(length)
            case 6:
                out[at : at + 4] = rng.choice((0, 1, 2**31 - 1, 2**32 - 1)).to_bytes(4, "big")
    return bytes(out), data.startswith(out)


def outcome(data: bytes, kind: str, only_cut: bool, folder: Path) -> str:
    """Read one file: `read`, `refused`, or what went wrong."""
    from smmbench.video import Limits, VideoError, read_video

    path = folder / "mutated"
    path.write_bytes(data)
    try:
        video = read_video(path, Limits(frames=200, total_pixels=2**22, frame_pixels=2**20))
    except VideoError:
        return "refused"
    except Exception as error:  # what the test is for
        return f"raised {type(error).__name__}: {error}"
    if len(video.frames) < FRAMES and kind not in UNSEEN_CUTS:
        return "cut and read as if it were whole" if only_cut else "shorter"
    return "read"


def one(number: int, seed: int, good: dict[str, bytes]) -> tuple[str, bytes, bool]:
    """Kind and content of the file of a number, and whether it was only cut."""
    rng = random.Random(f"{seed}/{number}")
    kind = sorted(good)[number % len(good)]
    return kind, *mutated(good[kind], rng)


def read_batch(first: int, count: int, seed: int) -> None:
    """Read files in this process; print the number of each before it is read."""
    good = {kind: encoded(kind) for kind in KINDS}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(first, first + count):
            print(json.dumps([number]), flush=True)
            kind, data, only_cut = one(number, seed, good)
            what = outcome(data, kind, only_cut, Path(folder))
            print(json.dumps([number, kind, what]), flush=True)


def run_batch(first: int, count: int, seed: int) -> list[tuple[int, str, str]]:
    """Read files in a separate process, and continue after a file that crashes it."""
    rows: list[tuple[int, str, str]] = []
    end = first + count
    while first < end:
        command = [sys.executable, __file__, "--batch", str(first), str(end - first)]
        try:
            done = subprocess.run(
                [*command, "--seed", str(seed)], capture_output=True, text=True, timeout=600
            )
            output, code = done.stdout, f"exit code {done.returncode}"
        except subprocess.TimeoutExpired as error:
            output, code = (error.stdout or b"").decode(), "no end within 600 s"
        lines = [json.loads(line) for line in output.splitlines()]
        rows += [(number, kind, what) for number, kind, what in (x for x in lines if len(x) == 3)]
        if lines and len(lines[-1]) == 1:
            rows.append((lines[-1][0], "", f"crashed ({code})"))
        elif not lines:
            raise RuntimeError(f"The reader did not start: {code}.")
        first = rows[-1][0] + 1
    return rows


def fuzz(files: int, seed: int) -> tuple[collections.Counter[str], list[str]]:
    """Read so many files; give counts by kind and outcome, and a line for each fault."""
    counts: collections.Counter[str] = collections.Counter()
    faults: list[str] = []
    for first in range(0, files, BATCH):
        for number, kind, what in run_batch(first, min(BATCH, files - first), seed):
            counts[f"{kind} {what.split(':')[0]}"] += 1
            if what not in ("read", "refused", "shorter"):
                faults.append(f"file {number} ({kind}): {what}")
    return counts, faults


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, help="read the file of this number alone")
    parser.add_argument("--batch", type=int, nargs=2, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.batch:
        first, count = asked.batch
        read_batch(first, count, asked.seed)
        return
    if asked.only is not None:
        kind, data, only_cut = one(asked.only, asked.seed, {kind: encoded(kind) for kind in KINDS})
        with tempfile.TemporaryDirectory() as folder:
            print(f"{kind}: {outcome(data, kind, only_cut, Path(folder))}")
        return
    counts, faults = fuzz(asked.files, asked.seed)
    print("\n".join(f"{count:6} {what}" for what, count in sorted(counts.items())))
    print("\n".join(faults) or f"{asked.files} files: none crashed, no cut one was read.")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
