"""`kill -9` in the middle of a run, then the same command again."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from smmbench.results import PREVIEW, VIDEO, find_records
from smmbench.video import read_video

SLOW = """
import time
from dataclasses import dataclass
from pathlib import Path
import numpy as np
from smmbench.method import Card, Method
from smmbench.video import Video

@dataclass(frozen=True)
class Nothing:
    pass

class Slow(Method):
    Parameters = Nothing
    card = Card("Slow")

    def prepare(self, source):
        return source

    def transfer(self, prepared, prompt, seed):
        with (Path(__file__).parent / "calls").open("a") as log:
            log.write(f"{prompt} {seed}\\n")
        time.sleep(0.05)
        rng = np.random.default_rng(seed)  # large enough that writing takes its time, too
        frames = rng.integers(0, 256, (8, 160, 240, 3), dtype=np.uint8)
        return Video(frames, prepared.video.fps)
"""

PAIRS = 3 * 2 * 4  # clips, prompts, seeds


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_at_most_the_pair_in_flight_is_made_twice(
    seed: int, tmp_path: Path, small_dataset: Path
) -> None:
    (tmp_path / "slow.py").write_text(SLOW)
    root, calls = tmp_path / "results", tmp_path / "calls"
    command = [
        *(sys.executable, "-c", "from smmbench.__main__ import main; main()", "run"),
        *("--method", f"{tmp_path / 'slow.py'}:Slow", "--dataset", str(small_dataset)),
        *("--output", str(root), "--device", "cpu"),
        *(word for n in range(4) for word in ("--seed", str(n))),
    ]
    delay = random.Random(seed).uniform(0, 1)
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        _wait_for(calls.exists)
        time.sleep(delay)  # anywhere: while it transfers, or while it writes
        process.kill()
    before = _whole_results(root)
    assert len(before) < PAIRS

    again = subprocess.run(command, check=False, capture_output=True, text=True)
    assert again.returncode == 0, again.stderr
    assert f"{PAIRS - len(before)} made, {len(before)} done before, 0 failed" in again.stderr
    after = _whole_results(root)
    assert len(after) == PAIRS
    assert before.items() <= after.items()  # nothing that was done was touched
    times = Counter(calls.read_text().splitlines())
    assert len(times) == PAIRS
    assert times.total() <= PAIRS + 1
    assert not list(root.rglob(".tmp-*"))


def _wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, "the run did not begin"
        time.sleep(0.01)


def _whole_results(root: Path) -> dict[Path, tuple[str, int]]:
    """Every result with its pixels and the time of its record; all of it is read."""
    if not root.exists():
        return {}
    found = {}
    for folder, record in find_records(root):
        assert read_video(folder / VIDEO).pixels_sha256 == record.pixels_sha256
        assert len(read_video(folder / PREVIEW).frames) == 8
        found[folder] = (record.pixels_sha256, (folder / "record.json").stat().st_mtime_ns)
    return found
