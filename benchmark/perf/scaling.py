"""How pairs per minute grow from one GPU to two and four, and whether the videos stay the same.

    python benchmark/perf/scaling.py --output scaling.jsonl
    python benchmark/perf/scaling.py --work emoji --by shards --output scaling.jsonl
    python benchmark/perf/scaling.py --table scaling.jsonl
    python benchmark/perf/scaling.py --by shards --short --counts 1 2 --pairs 8 4
    python benchmark/perf/scaling.py --device cpu --tiny --counts 1 2 --pairs 4 --output tiny.jsonl

All workers run on one machine. Work: `emoji`, SMM with the preset `emoji` on the dataset of this
name, and `zeroscope`, SMM with the preset `fast` on random weights of ZeroScope's size, with clips
of 24 frames of 576x320. Each number of workers generates the same pairs, one per clip, by
`smmbench run`: with Ray, or by a `--shard` process per GPU if Ray is not installed. Workers load,
generate a pair that is not counted, and wait for one another; the time runs from when the last of
them is ready until the last record is written. Nothing is cached between measurements. `--short`
runs a few steps of each kind at ZeroScope's size: the same network and clips in a sixth of the
time. Exit code 1: a video is not identical, byte for byte, in all measurements; on a GPU, only
`--deterministic` promises that.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scaling_methods import COUNT, LINE, SMALL, TINY, ZEROSCOPE
from zeroscope_pair import moving_square

from smmbench.environment import describe_device
from smmbench.results import VIDEO, find_records
from smmbench.results.files import RECORD
from smmbench.storage.home import file_sha256
from smmbench.video import Video, write_lossless

METHODS = Path(__file__).parent / "scaling_methods.py"
CLASSES = {"emoji": "Emoji", "zeroscope": "ZeroScope"}
SHORT = ("steps=10", "inversion_steps=10", "iterations=5")
FEW = ("steps=3", "inversion_steps=4", "iterations=1", "dtype=float32")
SMMBENCH = (sys.executable, "-c", "from smmbench.__main__ import main; main()")


@dataclass(frozen=True)
class Bench:
    """Settings that all measurements share.

    Attributes:
        work: `emoji` or `zeroscope`.
        by: `ray` or `shards`.
        device: `cuda` or `cpu`.
        tiny: A small model and few steps: a test of the script.
        short: Whether to run few steps at ZeroScope's size.
        deterministic: Whether PyTorch uses deterministic kernels only.
        pairs: Number of pairs, each of a different clip.
        place: Folder for results, which is removed at the end.
    """

    work: str
    by: str
    device: str
    tiny: bool
    short: bool
    deterministic: bool
    pairs: int
    place: Path

    def words(self, root: Path) -> list[str]:
        """The command line of `smmbench` that generates the pairs in a folder."""
        words = ["run", "--method", f"{METHODS}:{CLASSES[self.work]}", "--results", str(root)]
        words += ["--device", self.device, "--limit", str(self.pairs)]
        if self.work == "zeroscope":
            words += ["--dataset", str(self.place / "clips" / "clips.toml"), "--preset", "fast"]
        else:
            words += ["--dataset", "emoji", "--preset", "emoji"]
        words += ["--deterministic"] if self.deterministic else []
        few: tuple[str, ...] = FEW if self.tiny else ()
        if self.work == "zeroscope":
            few = (*FEW, "downsample=2") if self.tiny else SHORT if self.short else ()
        return words + [word for one in few for word in ("--set", one)]

    @property
    def name(self) -> str:
        """The work, what of it was left out, and its mode."""
        short = self.short and self.work == "zeroscope"
        parts = [self.work, "tiny" * self.tiny, "short" * (short and not self.tiny)]
        return ", ".join(filter(None, [*parts, "deterministic" * self.deterministic]))


def write_clips(folder: Path, count: int, size: tuple[int, int, int]) -> None:
    """Write a dataset of clips of this size, each with one prompt."""
    time_, height, width = size
    text = (
        'name = "clips"\nversion = 1\ntitle = "Moving squares"\ndescription = "For timing."\n'
        f'licence = "CC0-1.0"\n[protocol]\nframes = {time_}\nwidth = {width}\nheight = {height}\n'
        'fps = 8\ntext_model = "none"\n'
    )
    square = moving_square(size).frames
    for number in range(count):
        video = Video(np.roll(square, number * 7, axis=2), 8.0)
        path = folder / f"clip-{number:02}.mkv"
        write_lossless(path, video)
        text += (
            f'[[clips]]\nname = "{path.stem}"\nprompt = "a square"\nlicence = "CC0-1.0"\n'
            f'attribution = "made here"\npixels_sha256 = "{video.pixels_sha256}"\n'
            f'video = {{ path = "{path.name}", sha256 = "{file_sha256(path)}" }}\n'
            '[[clips.edits]]\nname = "cat"\nprompt = "a cat runs"\n'
        )
    (folder / "clips.toml").write_text(text, encoding="utf-8")


def commands(bench: Bench, count: int, root: Path) -> Iterator[tuple[list[str], dict[str, str]]]:
    """Command and environment of each process to start."""
    words, environment = [*SMMBENCH, *bench.words(root)], dict(os.environ)
    environment |= {
        LINE: str(bench.place / f"line-{count}"),
        COUNT: str(count),
        TINY: str(int(bench.tiny)),
        "SMMBENCH_HOME": str(bench.place / f"home-{count}"),
    }
    if bench.device == "cpu":
        environment["OMP_NUM_THREADS"] = "1"  # the same in every measurement
    if bench.by == "ray":
        ray = ["--executor", "ray", "--ray-address", "local", "--workers", str(count)]
        yield [*words, *ray], environment
        return
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    gpus = visible.split(",") if visible else [str(number) for number in range(count)]
    for number in range(count):
        own = {"CUDA_VISIBLE_DEVICES": gpus[number]} if bench.device == "cuda" else {}
        yield [*words, "--shard", f"{number + 1}/{count}"], environment | own


@dataclass(frozen=True)
class Measurement:
    """What a number of workers took.

    Attributes:
        seconds: From the start of the last worker until the last record was written.
        own_seconds: Mean over pairs of the preparation and transfer of one pair, as its record
            states them. If it grows with the number of workers, they slow one another down; if it
            does not, the rest of a lost efficiency is the start and the end.
        videos: SHA-256 of each video file by path.
    """

    seconds: float
    own_seconds: float
    videos: dict[str, str]


def measured(bench: Bench, count: int) -> Measurement:
    """Generate all pairs with this number of workers.

    Raises:
        SystemExit: A process failed; its output is printed.
    """
    root, line = bench.place / f"results-{count}", bench.place / f"line-{count}"
    line.mkdir()
    started = [
        subprocess.Popen(words, env=environment, stderr=subprocess.PIPE, text=True)
        for words, environment in commands(bench, count, root)
    ]
    said = [process.communicate()[1] for process in started]
    if any(process.returncode for process in started):
        sys.exit("\n".join(text[-2000:] for text in said))
    records = dict(find_records(root))
    assert len(records) == bench.pairs, f"{len(records)} of {bench.pairs} pairs were made."
    assert len(list(line.iterdir())) == count
    begin = max(path.stat().st_mtime for path in line.iterdir())
    end = max((folder / RECORD).stat().st_mtime for folder in records)
    videos = {
        str(folder.relative_to(root)): hashlib.sha256((folder / VIDEO).read_bytes()).hexdigest()
        for folder in records
    }
    own = [one.prepare_seconds + one.transfer_seconds for one in records.values()]
    return Measurement(end - begin, float(np.mean(own)), videos)


def row(
    bench: Bench, count: int, measurement: Measurement, device: str, differing: int
) -> dict[str, Any]:
    """One line of the output file; `differing` counts videos unlike those of the first run."""
    return {
        "work": bench.name,
        "by": bench.by,
        "device": device,
        "count": count,
        "pairs": bench.pairs,
        "seconds": round(measurement.seconds, 3),
        "own_seconds": round(measurement.own_seconds, 3),
        "pairs_a_minute": round(60 * bench.pairs / measurement.seconds, 3),
        "differing_videos": differing,
    }


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Markdown; speed-up and efficiency are relative to the smallest count of the same work."""
    lines = [
        "| work | by | device | workers | pairs | pairs a minute | speed-up | efficiency | "
        "s a pair | same bytes |",
        "|---|---|---|--:|--:|--:|--:|--:|--:|---|",
    ]
    for one in rows:
        alike = [r for r in rows if all(r[k] == one[k] for k in ("work", "by", "device"))]
        first = min(alike, key=lambda r: r["count"])
        faster = one["pairs_a_minute"] / first["pairs_a_minute"]
        share = faster * first["count"] / one["count"]
        same = "yes" if not one["differing_videos"] else f"{one['differing_videos']} differ"
        lines.append(
            f"| {one['work']} | {one['by']} | {one['device']} | {one['count']} | "
            f"{one['pairs']} | {one['pairs_a_minute']:.2f} | {faster:.2f} | {share:.0%} | "
            f"{one['own_seconds']:.2f} | {same} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Measure each work with each count, or print a table of rows."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    there = "ray" if importlib.util.find_spec("ray") else "shards"
    parser.add_argument("--work", nargs="+", choices=list(CLASSES), default=list(CLASSES))
    parser.add_argument("--by", choices=["ray", "shards"], default=there)
    parser.add_argument("--counts", nargs="+", type=int, default=[1, 2, 4])
    parser.add_argument(
        "--pairs", nargs="+", type=int, default=[8], help="of each work; a multiple of every count"
    )
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--short", action="store_true", help="few steps at ZeroScope's size")
    parser.add_argument(
        "--deterministic", action="store_true", help="deterministic kernels of PyTorch only"
    )
    parser.add_argument("--tiny", action="store_true", help="a small model: a test of the script")
    parser.add_argument("--output", type=Path, help="file to which rows are added")
    parser.add_argument("--table", type=Path, help="only print the table of this file's rows")
    asked = parser.parse_args()
    if asked.table:
        lines = asked.table.read_text(encoding="utf-8").splitlines()
        print(table([json.loads(line) for line in lines]))
        return
    pairs = asked.pairs * len(asked.work) if len(asked.pairs) == 1 else asked.pairs
    if len(pairs) != len(asked.work):
        parser.error(f"--pairs takes one number, or one for each of {', '.join(asked.work)}.")
    if uneven := [(p, c) for p in pairs for c in asked.counts if c < 1 or p < 1 or p % c]:
        parser.error(
            "--pairs must be a multiple of every count, and {} is not of {}: some workers would "
            "have more pairs than others.".format(*uneven[0])
        )
    rows = []
    for work, count_of_pairs in zip(asked.work, pairs, strict=True):
        with tempfile.TemporaryDirectory() as folder:
            modes = asked.tiny, asked.short, asked.deterministic
            bench = Bench(work, asked.by, asked.device, *modes, count_of_pairs, Path(folder))
            if work == "zeroscope":
                (bench.place / "clips").mkdir()
                write_clips(bench.place / "clips", bench.pairs, SMALL if asked.tiny else ZEROSCOPE)
            first: dict[str, str] | None = None
            for count in asked.counts:
                found = measured(bench, count)
                first = found.videos if first is None else first
                differing = sum(found.videos[place] != sha256 for place, sha256 in first.items())
                rows.append(row(bench, count, found, describe_device(asked.device), differing))
                print(json.dumps(rows[-1]), flush=True)
                if asked.output:
                    with asked.output.open("a", encoding="utf-8") as file:
                        file.write(json.dumps(rows[-1]) + "\n")
    print(table(rows))
    sys.exit(1 if any(one["differing_videos"] for one in rows) else 0)


if __name__ == "__main__":
    main()
