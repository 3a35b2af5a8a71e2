"""Each script on tracks made by hand; the answer is worked out beside it."""

from __future__ import annotations

import numpy as np
import pytest

from smmbench.metrics.legacy import LOOKUP, begins_in, bounding_box
from smmbench.metrics.motion_fidelity_det import det
from smmbench.metrics.motion_fidelity_ditflow import ditflow
from smmbench.metrics.motion_fidelity_dmt import dmt
from smmbench.metrics.motion_fidelity_five import five
from smmbench.metrics.motion_fidelity_ivebench import _stretched, ivebench

RIGHT, LEFT, DOWN, STILL = (2.0, 0.0), (-2.0, 0.0), (0.0, 2.0), (0.0, 0.0)


def tracks(*steps: tuple[float, float], frames: int = 5, start: float = 10.0) -> np.ndarray:
    """One track for each step, which it repeats."""
    at = np.arange(frames)[None, :, None]
    return start + at * np.array(steps)[:, None, :]


def joined(first: np.ndarray, then: np.ndarray) -> np.ndarray:
    """The first tracks, going on from their last position as the others do."""
    return np.concatenate([first, first[:, -1:] + np.cumsum(np.diff(then, axis=1), axis=1)], axis=1)


def test_dmt_takes_one_off_each_pair_of_equal_index() -> None:
    # A clip against itself. Cosines, and what is left of each row's largest:
    #   right  1 0 1     1-1 0 1   -> 1 (the other one that goes right)
    #   down   0 1 0      0 1-1 0  -> 0 (no other one goes down)
    #   right  1 0 1      1 0 1-1  -> 1
    clip = tracks(RIGHT, DOWN, RIGHT)
    assert dmt(clip, clip) == pytest.approx(2 / 3)


def test_dmt_looks_from_the_output_only() -> None:
    # The output lost what goes down. Every track of it finds one that goes right, the first two
    # in each other's index: 1. Of the source's four, two were lost, and nothing says so.
    source, output = tracks(RIGHT, RIGHT, DOWN, DOWN), tracks(RIGHT, RIGHT, RIGHT, RIGHT)
    assert dmt(source, output) == pytest.approx(1)
    # The other way round, two rows find nothing that goes down: (1 + 1 + 0 + 0) / 4.
    assert dmt(output, source) == pytest.approx(0.5)


@pytest.mark.parametrize("script", [dmt, ditflow, five])
def test_one_step_of_length_zero_makes_them_nan(script: object) -> None:
    moving, rests = tracks(RIGHT, DOWN), tracks(RIGHT, STILL)
    assert callable(script)
    assert np.isnan(script(moving, rests))
    assert np.isnan(script(rests, moving))


def test_where_the_scripts_fail_so_do_their_modes() -> None:
    with pytest.raises(ValueError, match="as many tracks in source and output, got 2 and 1"):
        dmt(tracks(RIGHT, DOWN), tracks(RIGHT))
    with pytest.raises(ValueError, match="as many frames in source and output, got 5 and 4"):
        dmt(tracks(RIGHT), tracks(RIGHT, frames=4))
    with pytest.raises(ValueError, match="as many frames in source and output, got 4 and 5"):
        five(tracks(RIGHT, frames=4), tracks(RIGHT))


def test_the_box_lacks_its_last_row_and_column() -> None:
    # The mask covers rows 2 to 5 and columns 3 to 6; the box ends at row 4 and column 5.
    mask = np.zeros((10, 12), dtype=bool)
    mask[2:6, 3:7] = True
    box = bounding_box(mask)
    assert np.flatnonzero(box.any(axis=1)).tolist() == [2, 3, 4]
    assert np.flatnonzero(box.any(axis=0)).tolist() == [3, 4, 5]
    # x, y of first positions: inside; last column; last row; rounded into the box; off the frame.
    starts = np.array([[3.0, 2.0], [6, 2], [3, 5], [5.4, 4.4], [-3, 99]])
    found = begins_in(np.repeat(starts[:, None], 2, axis=1), box)
    assert found.tolist() == [True, False, False, True, False]
    with pytest.raises(ValueError, match="mask is empty"):
        bounding_box(np.zeros((4, 4), dtype=bool))


def test_dmt_compares_only_tracks_that_begin_in_the_box() -> None:
    # Two go right in the box, two go left outside in the source but right in the output. Whole:
    # every output track finds a source track that goes right, 1. In the box the same; with the
    # sides swapped the two outside find nothing but right against left: (1 + 1 - 1 - 1) / 4.
    mask = np.zeros((20, 20), dtype=bool)
    mask[8:14, 8:14] = True
    outside = np.array([[0.0, 0.0], [0, 0], [-8, -8], [-8, -8]])[:, None]
    source = tracks(RIGHT, RIGHT, LEFT, LEFT) + outside
    output = tracks(RIGHT, RIGHT, RIGHT, RIGHT) + outside
    assert dmt(output, source) == pytest.approx(0)
    assert dmt(output, source, mask) == pytest.approx(1)
    assert five(output, source, mask[None]) == pytest.approx(1)


def test_five_takes_the_box_around_all_masks() -> None:
    # The track begins at (10, 10): outside of the first mask, inside of the box around both.
    masks = np.zeros((2, 20, 20), dtype=bool)
    masks[0, 2:5, 2:5] = masks[1, 12:15, 12:15] = True
    clip = tracks(RIGHT, RIGHT)
    assert five(clip, clip, masks) == pytest.approx(1)
    with pytest.raises(ValueError, match="No track is left"):
        dmt(clip, clip, masks[0])


def test_ditflow_and_five_cut_the_longer_clip() -> None:
    # Eight steps: four right, four left; the other clip has only the first four.
    whole = joined(tracks(RIGHT, RIGHT), tracks(LEFT, LEFT))
    short = tracks(RIGHT, RIGHT)
    assert ditflow(whole, short) == ditflow(short, whole) == pytest.approx(1)
    assert five(whole, short) == pytest.approx(1)


def test_det_counts_the_first_position_as_a_step() -> None:
    # On 1 x 1 "pixels". Source: at (2, 0), then 2 right: (1, 0), (1, 0). Output: at (0, 1), then
    # 2 right: (0, 1), (1, 0). Cosines 0 and 1, so .5, though the motion is the same.
    source = np.array([[[2.0, 0.0], [4.0, 0.0]]])
    output = np.array([[[0.0, 1.0], [2.0, 1.0]]])
    assert det(source, output, 1, 1) == pytest.approx(0.5)
    assert det(source, source, 1, 1) == pytest.approx(1)  # and nothing is taken off


def test_det_changes_angles_where_width_and_height_differ() -> None:
    # Both begin at (4, 0): 1. Then (2, 2) against (2, 0): 45 degrees. Divided by a width of 4 and
    # a height of 2 it is (.5, 1) against (.5, 0): cosine 1 / sqrt(5).
    source = np.array([[[4.0, 0.0], [6.0, 2.0]]])
    output = np.array([[[4.0, 0.0], [6.0, 0.0]]])
    assert det(source, output, 4, 2) == pytest.approx((1 + 1 / np.sqrt(5)) / 2)
    assert det(source, output, 2, 2) == pytest.approx((1 + np.sqrt(0.5)) / 2)


def test_det_takes_the_frames_before_those_at_equal_distances() -> None:
    # Of 5 frames 3 are taken, 0, 2, 4; of 4 frames 3 are 0, 1.5 and 3, so 0, 1, 3.
    x = np.array([1.0, 2, 4, 8, 16])
    points = np.stack([x, np.zeros(5)], axis=-1)[None]
    taken = {5: x[[0, 2, 4]], 4: x[[0, 1, 3]]}
    for frames, kept in taken.items():
        expected = np.stack([kept, np.zeros(3)], axis=-1)[None]
        other = np.array([[[1.0, 1.0], [3.0, 0.0], [4.0, 5.0]]])
        assert det(points[:, :frames], other, 8, 8) == pytest.approx(det(expected, other, 8, 8))


def seen(points: np.ndarray) -> np.ndarray:
    return np.ones(points.shape[:2], dtype=bool)


def similarity(source: np.ndarray, output: np.ndarray) -> float:
    return ivebench(source, output, seen(source), seen(output))


def test_ivebench_sees_where_a_track_is() -> None:
    # Both go 4 px right in all (1 a step), so their size is 4; 4 px apart is a distance of 1:
    # .7 / (1 + 1) + .3 / (1 + 0) = .65. On the same place it is 1.
    source = tracks((1.0, 0.0))
    assert similarity(source, source) == pytest.approx(1)
    assert similarity(source, source + np.array([0.0, 4.0])) == pytest.approx(0.65)


def test_ivebench_is_better_without_its_worst_tracks() -> None:
    # The second pair: 400 px apart, size 4: .7 / 101; steps of +1 and -1: .3 / (1 + 2 / 4) = .2.
    # Together .207, under .3: it is left out, and the mean is that of the first pair alone. With
    # steps alike it would be .3 + .7 / 101 = .307, and count.
    source = np.concatenate([tracks((1.0, 0.0)), tracks((1.0, 0.0), start=5000)])
    lost = np.concatenate([source[:1], source[1:2] + np.array([0.0, 400.0])])
    assert similarity(source, lost) == pytest.approx((1 + 0.3 + 0.7 / 101) / 2)
    backwards = source[1:2, ::-1] + np.array([0.0, 400.0])
    assert similarity(source, np.concatenate([source[:1], backwards])) == pytest.approx(1)
    assert similarity(source[1:], backwards) == 0  # no pair is left


def test_ivebench_matches_one_to_one() -> None:
    # Two source tracks on one place, of the output one there and one 4 px off: each is used once.
    source = tracks((1.0, 0.0), (1.0, 0.0))
    output = np.concatenate([source[:1] + np.array([0.0, 4.0]), source[:1]])
    assert similarity(source, output) == pytest.approx((1 + 0.65) / 2)


def test_ivebench_closes_gaps_and_leaves_out_what_is_hardly_seen() -> None:
    # Positions 0, 1, (hidden), 3, 4 lie at 0, 1/3, 2/3, 1 of the clip, and are read at quarters.
    points = tracks((1.0, 0.0), (1.0, 0.0), start=0)
    visible = seen(points)
    visible[0, 2] = False
    visible[1, 1:] = False
    kept = _stretched(points, visible, 5)
    assert kept.shape == (1, 5, 2)  # the second is seen once
    assert kept[0, :, 0] == pytest.approx([0, 0.75, 2, 3.25, 4])
    assert ivebench(points, points, visible, seen(points)) < 1


def test_ivebench_has_no_number_for_short_clips() -> None:
    clip = tracks((1.0, 0.0), frames=4)
    assert similarity(clip, clip) == 0


def test_a_mask_is_looked_up_where_cotracker_computes() -> None:
    """As its predictor does: the mask by PyTorch's nearest, positions by their corners."""
    import torch

    rng = np.random.default_rng(0)
    box = rng.random((24, 40)) < 0.5
    start = rng.random((200, 1, 2)) * [39, 23]
    mask = torch.from_numpy(box)[None, None].float()
    larger = torch.nn.functional.interpolate(mask, LOOKUP, mode="nearest")[0, 0].bool().numpy()
    x, y = np.rint(start[:, 0] * [(LOOKUP[1] - 1) / 39, (LOOKUP[0] - 1) / 23]).astype(int).T
    np.testing.assert_array_equal(begins_in(start, box, LOOKUP), larger[y, x])
    assert (begins_in(start, box, LOOKUP) != begins_in(start, box)).any()
    np.testing.assert_array_equal(begins_in(start, box, (24, 40)), begins_in(start, box))
