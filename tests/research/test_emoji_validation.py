"""The experiment that chose the headline: closed forms of its parts, and that it runs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from smmbench.tracking import Tracks
from smmbench_datasets.emoji import corruptions
from smmbench_datasets.emoji.corruptions import outputs
from smmbench_datasets.emoji.world import FRAMES, Clips, World
from smmbench_research.emoji.validation import __main__ as command
from smmbench_research.emoji.validation.errors import errors
from smmbench_research.emoji.validation.known import known_grid
from smmbench_research.emoji.validation.material import (
    FAMILIES,
    KNOWN,
    TREMBLING,
    Case,
    Tracked,
    draw_cases,
)
from smmbench_research.emoji.validation.ranking import area_under_curve, rank_correlation
from smmbench_research.emoji.validation.variants import VARIANTS, evaluate


def clip(family: str, seed: int = 0) -> Clips:
    generator = torch.Generator().manual_seed(seed)
    world = World()
    which = torch.tensor([world.motions.index(family)])
    return world.compose(torch.tensor([0]), torch.tensor([0]), which, generator)


def steps(path: torch.Tensor) -> np.ndarray:
    return np.diff(path[0].numpy(), axis=0)


def test_rank_correlation() -> None:
    assert rank_correlation([0, 1, 2], [0.9, 0.5, 0.1]) == pytest.approx(1)
    assert rank_correlation([0, 1, 2], [0.1, 0.5, 0.9]) == pytest.approx(-1)
    assert rank_correlation([0, 1, 2], [0.5, 0.5, 0.5]) == 0
    # Ranks 1 2 3 against 1 2.5 2.5: Pearson's is 1.5 / sqrt(2 * 1.5).
    assert rank_correlation([0, 1, 2], [0.9, 0.1, 0.1]) == pytest.approx(np.sqrt(0.75))


def test_area_under_curve() -> None:
    assert area_under_curve([0.9, 0.8], [0.1, 0.2]) == 1
    assert area_under_curve([0.5], [0.5]) == 0.5
    assert area_under_curve([0.9, 0.1], [0.5]) == 0.5


@pytest.mark.parametrize("degrees", [30.0, 90.0, 180.0])
def test_a_turned_path_has_every_step_at_that_angle(degrees: float) -> None:
    source = clip("zigzag")
    before, after = steps(source.path), steps(corruptions.turned(source, degrees).path)
    cosines = (
        (before * after).sum(1) / np.linalg.norm(before, axis=1) / np.linalg.norm(after, axis=1)
    )
    np.testing.assert_allclose(cosines, np.cos(np.radians(degrees)), atol=1e-4)


def test_other_changes_do_what_they_say() -> None:
    source = clip("circle")
    slow = steps(corruptions.slowed(source, 0.25).path)
    np.testing.assert_allclose(slow, 0.25 * steps(source.path), atol=1e-4)
    places = steps(corruptions.elsewhere(source).path)
    np.testing.assert_allclose(places, steps(source.path), atol=1e-4)
    made = {one.name: one for one in outputs(source, "circle", torch.Generator().manual_seed(0))}
    late = made["delay 4"].clip
    assert torch.equal(late.path[:, 4:], source.path[:, :-4])
    assert not steps(made["frozen"].clip.path).any()
    assert torch.equal(made["reversed"].clip.path.flip(1), source.path)
    assert made["halts 4"].level > made["halts 12"].level > made["kept"].level
    assert sorted(one.level for one in made.values() if one.ladder == "direction") == sorted(
        corruptions.ANGLES
    )


def test_a_lost_object_moves_as_the_scene_behind_it() -> None:
    source = replace(clip("zigzag"), pan=clip("pan").pan)
    lost = corruptions.object_lost(source)
    np.testing.assert_allclose(steps(lost.path)[:, 0], -np.diff(source.pan[0].numpy()), atol=1e-4)


@pytest.mark.parametrize("family", ["right", "two", "pan", "approach"])
def test_known_tracks_go_with_what_is_seen_in_the_first_frame(family: str) -> None:
    source = clip(family)
    tracks, on_object = known_grid(World(), source, 12)
    assert tracks.points.shape == (144, FRAMES, 2) and 0 < on_object.sum() < 144
    ground = tracks.points[~on_object.numpy()]
    away = -np.diff(source.pan[0].numpy())
    np.testing.assert_allclose(
        np.diff(ground[..., 0], axis=1), away[None].repeat(len(ground), 0), atol=1e-3
    )
    assert tracks.visible[on_object.numpy(), 0].all()


def one_case(found: np.ndarray, truth: np.ndarray, on_object: np.ndarray) -> Case:
    seen = np.ones(truth.shape[:2], dtype=bool)
    tracks = {KNOWN: Tracks(truth, seen), "dis": Tracks(found, seen)}
    one = Tracked("source", "", 0, tracks, on_object)
    return Case("right", one, (one,))


def test_errors_of_a_tracker_that_is_off_in_a_known_way() -> None:
    # Three points go 2 px a step to the right, one stands still. The tracker is 3 px off on the
    # object's two and loses the third, which it sees standing still: 0, 2, 4, ... 10: mean 5.
    truth = np.zeros((4, 6, 2))
    truth[:3, :, 0] = 2 * np.arange(6)
    found = truth.copy()
    found[:2, :, 1] += 3
    found[2] = 0
    wrong = errors([one_case(found, truth, np.array([True, True, False, False]))], "dis")
    assert (wrong.on_object, wrong.on_background) == pytest.approx((3, 2.5))
    assert (wrong.lost, wrong.unsure) == (0.25, 0)
    assert (wrong.missed, wrong.invented) == pytest.approx((1 / 3, 0))


@pytest.mark.slow
def test_true_tracks_rank_a_turned_motion_well_and_tell_it_from_another() -> None:
    chosen = [case for family in ("right", "up") for case in draw_cases(family, 1, 10, (KNOWN,), 0)]
    found = evaluate(chosen, KNOWN, VARIANTS[0])
    assert found.values["self"] == pytest.approx(1)
    assert found.values["kept"] > 0.99
    assert found.values["frozen"] == 0
    assert found.values["speed 0.25"] > 0.99  # blind to speed
    assert found.ladders["direction"] > 0.95
    assert (found.area, found.unfit) == (1, 0)


def test_the_same_seed_gives_the_same_tracks_whatever_the_trackers() -> None:
    (a,) = draw_cases("jump", 1, 8, (KNOWN, TREMBLING), 3)
    (b,) = draw_cases("jump", 1, 8, (TREMBLING,), 3)
    for one, other in zip(a.outputs, b.outputs, strict=True):
        np.testing.assert_array_equal(one.tracks[TREMBLING].points, other.tracks[TREMBLING].points)


@pytest.mark.slow
def test_the_command_writes_its_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "GRID", 10)  # not what is tested: 30 takes twice as long
    monkeypatch.setattr(command, "OTHER_GRIDS", (6, 8))
    some = ["--families", "right", FAMILIES[-1], "--clips", "1", "--workers", "1"]
    command.main(["--output", str(tmp_path), *some])
    page = (tmp_path / "validation.md").read_text(encoding="utf-8")
    assert page in capsys.readouterr().out
    assert all(f"| {variant.name} |" in page for variant in VARIANTS)
    assert "nan" not in page.lower()
