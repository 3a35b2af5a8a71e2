"""The guide to a metric of one's own is true: its file, its line and its command work."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "benchmark" / "docs" / "adding-a-metric.md"

SCORE = """
import json, sys
import numpy as np
from smmbench.dataset import load_dataset, source_video
from smmbench.metrics import Task, metric
from smmbench.scoring.options import Options
from smmbench.scoring.scorer import Scorer
from smmbench.video import Video

dataset = load_dataset(sys.argv[1])
clip = dataset.manifest.clips[0]
source = source_video(dataset, clip)
still = Video(np.repeat(source.frames[:1], len(source.frames), axis=0), source.fps)
scorer = Scorer(dataset, Options(metrics=("flicker",)))
scores = [
    scorer.score(metric("flicker"), Task(clip, "a dog", video, video.pixels_sha256), None)
    for video in (source, still)
]
print(json.dumps([metric("flicker").describe(), *(score.value for score in scores)]))
"""


def block(language: str) -> str:
    (found,) = re.findall(rf"^```{language}\n(.*?)^```", PAGE.read_text("utf-8"), re.DOTALL | re.M)
    return str(found)


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The guide's distribution, as pip leaves it."""
    package, info = tmp_path / "my_metrics", tmp_path / "my_metrics-1.0.dist-info"
    package.mkdir()
    info.mkdir()
    (package / "__init__.py").touch()
    (package / "flicker.py").write_text(block("python"), encoding="utf-8")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: my-metrics\nVersion: 1.0\n")
    lines = block("toml").replace('[project.entry-points."smmbench.metrics"]', "[smmbench.metrics]")
    (info / "entry_points.txt").write_text(lines.replace('"', ""))
    return tmp_path


def test_the_guides_metric_is_found_by_its_name_and_scores(
    installed: Path, square_dataset: Path
) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", SCORE, str(square_dataset)],
        env=os.environ | {"PYTHONPATH": str(installed), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    described, moving, still = json.loads(ran.stdout)
    assert described["code"] == "my_metrics.flicker:Flicker"
    assert moving > still == 0


def test_the_commands_of_the_guide_name_its_metric() -> None:
    commands = block("bash").splitlines()
    assert commands and all(line.startswith("smmbench ") for line in commands)
    assert all(line.endswith(" flicker") for line in commands)


def test_the_table_of_the_guide_names_attributes_that_a_metric_has() -> None:
    from smmbench.metrics import Metric

    names = re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`.*?) \|", PAGE.read_text(), re.M)))
    assert len(names) == 8
    assert set(names) <= set(Metric.__annotations__)
