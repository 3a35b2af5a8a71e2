"""What a score of motion holds besides its number, on clips of the embedded world."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from smmbench.dataset import Clip, Dataset, clip_named, load_dataset, source_video
from smmbench.metrics import Measured, Task
from smmbench.metrics.chance import chance_floor
from smmbench.metrics.motion_fidelity import OTHERS, MotionFidelity
from smmbench.scoring.resources import LoadedResources
from smmbench.video import Video

CLIP = "horse-right"
GRID = 15


@pytest.fixture
def dataset() -> Dataset:
    return load_dataset("emoji")


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMMBENCH_HOME", str(tmp_path))


def loaded(dataset: Dataset) -> MotionFidelity:
    changes = {"tracker": "lucas-kanade", "grid": GRID, "still_threshold": 0.5}
    protocol = dataset.manifest.protocol.model_copy(update=changes)
    return MotionFidelity(LoadedResources(dataset, protocol))


def task(clip: Clip, output: Video) -> Task:
    return Task(clip, "a prompt", output, output.pixels_sha256)


def scored(dataset: Dataset, output: Video) -> Measured:
    return loaded(dataset).measure(task(clip_named(dataset, CLIP), output))


def test_a_source_copy_is_one_on_the_foreground_and_stands_above_its_floors(
    dataset: Dataset,
) -> None:
    found = scored(dataset, source_video(dataset, clip_named(dataset, CLIP)))
    details = found.details
    assert found.value == details["foreground"] == pytest.approx(1)
    moving = int(details["source_moving"])
    assert details["floor"] == chance_floor(moving, moving, 15)
    assert details["other_sources"] < 0.9
    assert details["speed_ratio"] == details["direction_cosine"] == pytest.approx(1)
    assert details["source_moving_share"] == moving / GRID**2
    assert 0 < details["foreground_moving"] <= moving


def test_a_frozen_output_has_no_floor_and_no_speed(dataset: Dataset) -> None:
    source = source_video(dataset, clip_named(dataset, CLIP))
    source.frames[1:] = source.frames[:1]
    found = scored(dataset, source)
    names = ("floor", "other_sources", "foreground", "speed_ratio", "direction_cosine")
    assert [found.details[name] for name in names] == [0, 0, 0, 0, 0]


def test_the_foreground_tells_an_opposite_motion(dataset: Dataset) -> None:
    clip = clip_named(dataset, CLIP)
    backwards = source_video(dataset, clip)
    backwards.frames[:] = backwards.frames[::-1].copy()
    details = scored(dataset, backwards).details
    assert details["direction_cosine"] < 0
    assert details["foreground"] < details["floor"]


def test_without_a_mask_the_foreground_is_what_moves_otherwise(dataset: Dataset) -> None:
    clip = clip_named(dataset, CLIP).model_copy(update={"masks": None})
    copy = source_video(dataset, clip)
    details = loaded(dataset).measure(task(clip, copy)).details
    assert details["foreground"] == pytest.approx(1)
    assert 0 < details["foreground_moving"] <= details["source_moving"]


def test_floors_are_of_the_next_clips_and_their_pixels_are_in_the_origin(dataset: Dataset) -> None:
    clips = dataset.manifest.clips
    clip = clips[-2]
    video = source_video(dataset, clip)
    origin = loaded(dataset).origin(task(clip, video))
    circle = [clips[-1], *clips]
    assert origin["other_sources"] == [other.pixels_sha256 for other in circle[:OTHERS]]
    assert clip.masks is not None and origin["masks"] == clip.masks.sha256
    assert origin["conventions"]["moving_share"] == 0.4


def test_one_clip_alone_has_no_other_sources(dataset: Dataset) -> None:
    clip = clip_named(dataset, CLIP)
    manifest = dataset.manifest.model_copy(update={"clips": (clip,)})
    alone = dataset.model_copy(update={"manifest": manifest})
    found = scored(alone, source_video(dataset, clip))
    assert "other_sources" not in found.details
    assert found.value == pytest.approx(1)


def test_each_frame_says_how_well_its_step_is_found(dataset: Dataset) -> None:
    clip = clip_named(dataset, CLIP)
    half = source_video(dataset, clip)
    half.frames[9:] = half.frames[8]  # stands still in its second half
    found = scored(dataset, half)
    first, *steps = found.per_frame["motion_fidelity"]
    assert first is None and len(steps) == len(half.frames) - 1
    numbers = [step for step in steps if step is not None]
    assert np.mean(numbers) == pytest.approx(found.value, abs=1e-12)
    assert min(numbers[:7]) > max(numbers[8:])


def test_the_tracks_that_were_compared_come_with_the_number(dataset: Dataset) -> None:
    copy = source_video(dataset, clip_named(dataset, CLIP))
    tracks = scored(dataset, copy).tracks
    assert tracks is not None
    np.testing.assert_array_equal(tracks.source_points, tracks.output_points)
    assert tracks.source_points.shape == (GRID**2, len(copy.frames), 2)
