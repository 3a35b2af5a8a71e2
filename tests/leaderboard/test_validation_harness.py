"""Metrics compared with triplets, rated videos and known motion, with known answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from tests.builders.graded import write_tdve_db, write_triplet

from smmbench.dataset import Protocol, load_dataset
from smmbench.graded import Graded, GradedSource, GradedVideo, Order
from smmbench.graded.finding import GROUP
from smmbench.metrics import Measured, Metric, Task
from smmbench.plugins import offered
from smmbench.scoring.options import Options
from smmbench.video import Video
from smmbench_datasets.emoji.graded_motion import EmojiWorld, MovingWorld, graded_motion
from smmbench_datasets.emoji_wan.graded_motion import EmojiWanWorld
from smmbench_leaderboard.board.types import Bootstrap
from smmbench_leaderboard.validation import Validation, Wanted, validate, validate_graded
from smmbench_leaderboard.validation.agreement import (
    area_under_curve,
    rank_correlation,
    spearman,
)

Command = Callable[..., tuple[int, str, str]]
FEW = Bootstrap(resamples=200)
FORM = Protocol(frames=2, width=8, height=8, fps=8, text_model="none")


class Brightness(Metric):
    """The mean of all pixels, less that of the source: a metric with a known answer."""

    name = "brightness"
    version = 1
    title = "Brightness"
    description = "For tests."
    higher_is_better = True
    minimum, maximum, worst = -255.0, 255.0, -255.0

    def measure(self, task: Task) -> Measured:
        """The number; a black video has none."""
        if not task.output.frames.any():
            raise ValueError("It is black.")
        source = self.resources.source(task.clip)
        return Measured(float(task.output.frames.mean()) - float(source.frames.mean()))


class Darkness(Brightness):
    """The same, where less is better."""

    name = "darkness"
    higher_is_better = False


@pytest.fixture(autouse=True)
def metrics(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both are installed."""
    from smmbench.metrics import registry

    known = (*registry.all_metrics(), Brightness, Darkness)
    monkeypatch.setattr(registry, "all_metrics", lambda: known)


def grey(level: int) -> Video:
    return Video(np.full((2, 8, 8, 3), level, dtype=np.uint8), fps=8.0)


def of_levels(levels: dict[str, int], clips: int = 8, **more: object) -> Graded:
    """Sources of level 10 with videos of these levels, which rise from worse to better."""
    names = sorted(levels, key=lambda name: levels[name])
    orders = tuple(Order(better, worse, "step") for worse, better in pairwise(names))
    videos = {name: GradedVideo("", partial(grey, level)) for name, level in levels.items()}
    sources = tuple(
        GradedSource(f"clip-{i}", f"clip-{i}", FORM, lambda: grey(10), videos, orders)
        for i in range(clips)
    )
    return replace(Graded("toy", "triplets", sources), **more)  # type: ignore[arg-type]


def one(found: list[Validation]) -> Validation:
    (only,) = found
    return only


def test_a_metric_that_agrees_always_and_its_reverse() -> None:
    graded = of_levels({"a": 20, "b": 30, "c": 40}, positive="c", negatives=("a", "b"))
    up, down = validate_graded(["brightness", "darkness"], graded, Options(), bootstrap=FEW)
    assert (up.agreement, up.auc, up.interval) == (1.0, 1.0, (1.0, 1.0))
    assert (down.agreement, down.auc) == (0.0, 0.0)
    assert up.choices == 16 and up.clips == 8 and up.beats_chance and not down.beats_chance


def test_videos_without_a_number_are_left_out_and_said() -> None:
    graded = of_levels({"black": 0, "b": 30, "c": 40})
    found = one(validate_graded(["brightness"], graded, Options(), bootstrap=FEW))
    assert (found.choices, found.unscored, found.agreement) == (8, 8, 1.0)


def test_no_number_at_all_says_why() -> None:
    graded = of_levels({"black": 0, "c": 40})
    with pytest.raises(ValueError, match="It is black"):
        validate_graded(["brightness"], graded, Options(), bootstrap=FEW)


def test_a_metric_without_numbers_does_not_stop_the_others() -> None:
    graded = of_levels({"b": 30, "c": 40})
    dark = replace(graded.sources[0], videos={"b": GradedVideo("", lambda: grey(0))})
    without = replace(graded, sources=(dark, *graded.sources[1:]))
    assert one(validate_graded(["brightness"], without, Options())).unscored == 1
    found = validate_graded(["pickscore", "brightness"], graded, Options(), bootstrap=FEW)
    assert [each.agreement for each in found] == [None, 1.0]
    assert "SMMBENCH_PICKSCORE" in found[0].notes[-1]


def test_the_gate_drops_a_metric_that_puts_a_control_near_the_best() -> None:
    graded = of_levels({"worse": 20, "kept": 30, "noise": 40}, positive="kept")
    graded = replace(graded, controls=("worse", "noise"))
    found = one(validate_graded(["brightness"], graded, Options(), bootstrap=FEW))
    assert {control.label: control.near for control in found.controls} == {
        "noise": True,
        "worse": False,
    }
    assert found.dropped and found.best == "kept"
    found = one(validate_graded(["brightness"], graded, Options(), ["noise"], FEW))
    assert not found.dropped
    (control,) = one(
        validate_graded(["darkness"], replace(graded, controls=("noise",)), Options())
    ).controls
    assert not control.near and control.mean == pytest.approx(30)  # in the metric's own sense


def test_each_kind_of_known_motion_has_one_weight() -> None:
    base = of_levels({"a": 20, "b": 30, "c": 40, "d": 50})
    orders = (
        Order("d", "a", "right"),
        *(Order("a", worse, "wrong") for worse in ("b", "c", "d")),
    )
    graded = replace(
        base, kind="known motion", sources=tuple(replace(s, orders=orders) for s in base.sources)
    )
    found = one(validate_graded(["brightness"], graded, Options(), bootstrap=FEW))
    assert found.agreement == 0.5 and found.choices == 32
    assert {stratum.kind: stratum.agreement for stratum in found.strata} == {
        "right": 1.0,
        "wrong": 0.0,
    }


def test_sources_of_one_cluster_do_not_narrow_an_interval() -> None:
    base = of_levels({"a": 20, "b": 30})
    turned = (Order("a", "b", "step"),)
    mixed = tuple(
        replace(s, orders=turned if i % 2 else s.orders) for i, s in enumerate(base.sources)
    )
    again = tuple(replace(s, name=f"{s.name}-again") for s in mixed)
    few = one(validate_graded(["brightness"], replace(base, sources=mixed), Options()))
    many = one(validate_graded(["brightness"], replace(base, sources=mixed + again), Options()))
    assert many.clips == few.clips == 8 and many.choices == 2 * few.choices
    assert many.interval == pytest.approx(few.interval)


def test_area_under_curve_and_rank_correlation_by_hand() -> None:
    clips = [f"c{i}" for i in range(8)]
    area = area_under_curve([1, 3] * 4, clips, [2.0] * 8, clips, FEW)
    assert area.mean == 0.5 and area.interval is not None
    assert area.interval[0] < 0.5 < area.interval[1]
    assert area_under_curve([1.0], ["c"], [1.0], ["c"], FEW).mean == 0.5
    assert spearman(np.arange(5.0), np.arange(5.0) ** 3) == pytest.approx(1)
    assert spearman(np.arange(5.0), np.ones(5)) == 0
    found = rank_correlation([*range(8)], [*range(8, 0, -1)], clips, FEW)
    assert found.mean == pytest.approx(-1) and found.interval is not None
    assert found.interval == pytest.approx((-1, -1))
    with pytest.raises(ValueError, match="positives and negatives"):
        area_under_curve([], [], [1.0], ["c"], FEW)


def test_motion_fidelity_on_triplets_and_looks_that_deceive(tmp_path: Path) -> None:
    """The negative has the very look of the reference; the motion decides."""
    write_triplet(tmp_path / "right" / "view" / "example_0")
    write_triplet(tmp_path / "wrong" / "view" / "example_0", same=False)
    for name, agreement in (("right", 1.0), ("wrong", 0.0)):
        wanted = Wanted(str(tmp_path / name), bootstrap=FEW)
        assert one(validate(["motion_fidelity"], wanted)).agreement == agreement


def test_rated_videos_by_the_dimension_that_a_metric_is_about(
    tmp_path: Path, smmbench: Command
) -> None:
    folder = write_tdve_db(tmp_path / "db")
    words = ["validate", "motion_fidelity", "--data", folder, "--split", "all", "--json"]
    code, out, _ = smmbench(*words)
    (found,) = json.loads(out)
    assert code == 0 and found["kind"] == "ratings" and found["clips"] == 2
    assert found["notes"][0].startswith("People rated structure")
    assert found["correlation"] == pytest.approx(
        spearman(np.array([90, 30.5, 12.25] * 2), np.array([3, 1, 2] * 2)), abs=0.6
    )
    wanted = Wanted(str(folder), bootstrap=FEW, dimension="quality")
    assert "rated quality" in one(validate(["ftd"], wanted)).notes[0]


def test_a_metric_that_needs_the_source_says_that_it_is_not_here(tmp_path: Path) -> None:
    folder = write_tdve_db(tmp_path / "db", sources=False)
    with pytest.raises(ValueError, match="missing"):
        validate(["motion_fidelity"], Wanted(str(folder)))


WORLDS: dict[str, tuple[type[MovingWorld], int]] = {
    "emoji": (EmojiWorld, 16),
    "emoji-wan": (EmojiWanWorld, 17),
}


def rightwards(name: str) -> GradedSource:
    """One source of the family `right` with everything that is made of its motion."""
    protocol = load_dataset(name).manifest.protocol
    (source,) = graded_motion(name, WORLDS[name][0](), protocol, 1, ("right",)).sources
    return source


@pytest.mark.parametrize("name", WORLDS)
def test_known_motion_is_what_it_says(name: str) -> None:
    source, again = rightwards(name), rightwards(name)
    assert source.load is not None
    video, kept = source.load(), source.videos["kept"].load()
    assert video.frames.shape == (WORLDS[name][1], 128, 128, 3)
    assert (source.videos["still source"].load().frames == video.frames[0]).all()
    assert (again.videos["kept"].load().frames == kept.frames).all()  # a seed means one world
    assert not (kept.frames == video.frames).all()
    frozen = source.videos["frozen"].load().frames
    assert (frozen == frozen[0]).all()
    named = {name for order in source.orders for name in (order.better, order.worse)}
    assert named <= set(source.videos)
    assert {"delay", "direction", "halt", "jitter", "speed", "look-alike", "reversed"} <= {
        order.kind for order in source.orders
    }


def test_a_look_alike_has_the_look_and_not_the_motion() -> None:
    """Where the object is not, source and look-alike show the same ground."""
    source = rightwards("emoji")
    assert source.load is not None
    video, alike = source.load(), source.videos["look-alike"].load()
    equal = (video.frames == alike.frames).all(axis=-1)
    assert equal.mean() > 0.5  # the ground
    assert not equal.all(axis=(1, 2)).any()  # the object is elsewhere
    assert source.videos["look-alike"].prompt == source.prompt


def test_both_worlds_are_offered_by_name() -> None:
    assert {"emoji", "emoji-wan"} <= set(offered(GROUP))


@pytest.mark.slow
def test_motion_fidelity_on_the_known_motion_of_emoji(smmbench: Command) -> None:
    code, out, _ = smmbench(
        "validate", "motion_fidelity", "warp_error", "--data", "emoji", "--sources", "1", "--json"
    )
    motion, warp = json.loads(out)
    assert motion["agreement"] > 0.85 and motion["interval"][0] > 0.8 and motion["auc"] > 0.9
    assert code == 0 and motion["interval"][0] > warp["interval"][1]
    for found in (motion, warp):
        assert len(found["controls"]) == 6 and not any(one["near"] for one in found["controls"])


def test_several_metrics_are_a_table(tmp_path: Path, smmbench: Command) -> None:
    write_triplet(tmp_path / "view" / "example_0")
    code, out, _ = smmbench("validate", "motion_fidelity", "ftd", "--data", tmp_path)
    rows = [line for line in out.splitlines() if line.startswith("|")]
    assert code in (0, 1) and len(rows) == 4 and "AUC" in rows[0]
    assert all(len(row.split("|")) == len(rows[0].split("|")) for row in rows)


def test_data_of_no_known_kind_is_an_error_of_use(tmp_path: Path, smmbench: Command) -> None:
    code, _, err = smmbench("validate", "motion_fidelity", "--data", tmp_path)
    assert code == 2 and "stage2_dataset" in err
