"""`smmbench selftest`: it holds here, and each check names itself when it is broken."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from smmbench import cli, selftest
from smmbench.metrics import Measured
from smmbench.selftest import sameness, standing
from smmbench.selftest.anchors import ANCHORS
from smmbench.selftest.finding import tried
from smmbench.selftest.reencoding import write_h264_rgb
from smmbench.selftest.standing import CONTROLS, Standing
from smmbench.video import Video, read_video

# Where the controls stand on three clips, about.
GOOD = {
    "source-copy": Standing(text=-0.02, motion=1.0, floor=0.5),
    "vae-round-trip": Standing(text=-0.02, motion=0.88, floor=0.5),
    "frozen": Standing(text=-0.03, motion=0.0, floor=0.0),
    "reversed": Standing(text=-0.02, motion=-0.01, floor=0.5),
    "shuffled": Standing(text=-0.02, motion=0.35, floor=0.5),
    "other-clip": Standing(text=0.0, motion=0.07, floor=0.5),
    "noise": Standing(text=0.08, motion=0.3, floor=0.54),
    "text-only": Standing(text=0.69, motion=0.41, floor=0.52),
}
# Control, field, value; the check that this breaks.
BROKEN = [
    ("source-copy", "motion", 0.999, "copy-moves-perfectly"),
    ("source-copy", "text", 0.6, "copy-ignores-the-prompt"),
    ("vae-round-trip", "motion", 0.7, "round-trip-is-near-the-copy"),
    ("vae-round-trip", "text", 0.3, "round-trip-is-near-the-copy"),
    ("frozen", "motion", 0.95, "frozen-is-at-the-bottom"),
    ("reversed", "motion", 0.8, "reversed-is-below-forward"),
    ("shuffled", "motion", 0.6, "shuffled-is-at-chance-level"),
    ("other-clip", "motion", 0.7, "other-clip-is-at-chance-level"),
    ("noise", "motion", 0.61, "noise-is-at-chance-level"),
    ("text-only", "motion", 0.61, "text-only-is-at-chance-level"),
]

SAMENESS = ["repeated-scoring", "reencoded-copies", "any-shards", "any-batch-size"]
THREE = {"source-copy", "frozen", "reversed"}


def broken_checks(means: dict[str, Standing]) -> list[str]:
    return [check.name for check in ANCHORS if check.faults(means)]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Less to make: one clip, three controls, one share, the metrics that the checks are about.

    All controls on all clips are made by `smmbench selftest` in `.ci/run`, from the wheel.
    """
    monkeypatch.setattr(standing, "CLIPS", standing.CLIPS[:1])
    monkeypatch.setattr(standing, "METRICS", (standing.TEXT, standing.MOTION))
    monkeypatch.setattr(selftest, "CONTROLS", [one for one in CONTROLS if one.name in THREE])
    monkeypatch.setattr(sameness, "SAME", ("reversed",))
    monkeypatch.setattr(sameness, "SHARDS", 1)


def test_the_laws_hold_where_controls_stand_well() -> None:
    assert broken_checks(GOOD) == []
    assert {name for check in ANCHORS for name in check.controls} == set(GOOD)
    assert {control.name for control in CONTROLS} == set(GOOD)


@pytest.mark.parametrize(("control", "field", "value", "check"), BROKEN)
def test_a_control_out_of_place_breaks_its_check(
    control: str, field: str, value: float, check: str
) -> None:
    means = GOOD | {control: replace(GOOD[control], **{field: value})}
    assert check in broken_checks(means)
    (anchor,) = (one for one in ANCHORS if one.name == check)
    assert control in anchor.faults(means)[0]


@pytest.mark.parametrize("name", GOOD)
def test_a_number_that_is_none_breaks_a_check(name: str) -> None:
    assert broken_checks(GOOD | {name: Standing(np.nan, np.nan, np.nan)})


def test_a_check_that_cannot_be_tried_is_broken() -> None:
    def faults() -> list[str]:
        raise ZeroDivisionError("no clip")

    finding = tried("a-check", "All is well.", faults)
    assert (finding.holds, finding.found) == (False, "ZeroDivisionError: no clip")


def test_a_reencoded_copy_has_the_same_pixels_and_other_bytes(
    tmp_path: Path, moving_square: Video
) -> None:
    write_h264_rgb(tmp_path / "copy.mkv", moving_square)
    copy = read_video(tmp_path / "copy.mkv")
    assert (copy.pixels_sha256, copy.fps) == (moving_square.pixels_sha256, moving_square.fps)


@pytest.mark.slow
def test_it_holds_and_says_so(small: None) -> None:
    ran = CliRunner().invoke(cli.app, ["selftest", "--quick", "--json"])
    assert ran.exit_code == 0, ran.output
    said = json.loads(ran.stdout)
    assert said["holds"] and all(check["holds"] for check in said["checks"])
    names = [check["check"] for check in said["checks"]]
    possible = [anchor.name for anchor in ANCHORS if set(anchor.controls) <= THREE]
    assert "reversed-is-below-forward" in possible and names[: len(possible)] == possible
    assert names[len(possible) :] == SAMENESS
    assert "Every check holds." in ran.stderr


def never_the_same() -> Callable[..., Measured]:
    drawn = np.random.default_rng(0)
    return lambda *_: Measured(float(drawn.random()), {"floor": 0.5})


@pytest.mark.slow
@pytest.mark.parametrize(
    ("where", "made", "checks"),
    [
        (
            "smmbench_baselines.controls.Frozen.transfer",
            lambda self, prepared, prompt, seed: prepared.video,
            {"frozen-is-at-the-bottom"},
        ),
        (
            "smmbench.metrics.motion_fidelity.MotionFidelity.measure",
            never_the_same(),
            {"copy-moves-perfectly", "repeated-scoring", "reencoded-copies", "any-shards"},
        ),
    ],
    ids=["a control that does not do what it says", "a metric that draws lots"],
)
def test_what_is_broken_exits_1_with_the_check_s_name(
    small: None, monkeypatch: pytest.MonkeyPatch, where: str, made: Any, checks: set[str]
) -> None:
    monkeypatch.setattr(where, made)
    ran = CliRunner().invoke(cli.app, ["selftest", "--quick"])
    assert ran.exit_code == 1
    (named,) = (line for line in ran.stderr.splitlines() if line.startswith("Broken: "))
    assert checks <= set(named.removeprefix("Broken: ").rstrip(".").split(", "))
