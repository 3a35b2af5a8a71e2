"""The fixed sets of the emoji world: complete, correct, held out, and evenly distributed."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch

from smmbench.dataset import (
    Clip,
    Dataset,
    Edit,
    check_dataset,
    files_of,
    load_dataset,
    source_video,
    stored_path,
    true_masks,
    true_tracks,
)
from smmbench.scoring.motion_check import motion_check
from smmbench_datasets.emoji.fixed_sets import FixedSet, write_arrays
from smmbench_datasets.emoji.make import SETS, write_set
from smmbench_datasets.emoji.motions import MOTIONS, TRAINED
from smmbench_datasets.emoji.sampling import SPLITS, split_of
from smmbench_datasets.emoji.selection import Selection, choose_clips
from smmbench_datasets.emoji.world import FRAMES, HEIGHT, WIDTH, World

Triple = tuple[int, int, int]


@pytest.fixture(params=SETS, ids=lambda fixed: fixed.name)
def fixed(request: pytest.FixtureRequest) -> FixedSet:
    assert isinstance(request.param, FixedSet)
    return request.param


@pytest.fixture
def dataset(fixed: FixedSet) -> Dataset:
    return load_dataset(fixed.name)


def parts_of(prompt: str) -> tuple[int, int]:
    """Object and scene that a prompt names."""
    captions = {
        World.caption(World, o, s): (o, s)  # type: ignore[arg-type]  # it only reads the names
        for o in range(len(World.objects))
        for s in range(len(World.scenes))
    }
    return captions[prompt]


def triple(clip: Clip, prompt: str) -> Triple:
    return (*parts_of(prompt), World.motions.index(clip.tags[0]))


def source_triples(dataset: Dataset) -> list[Triple]:
    return [triple(clip, clip.prompt) for clip in dataset.manifest.clips]


def target_triples(dataset: Dataset) -> list[Triple]:
    return [triple(clip, edit.prompt) for clip in dataset.manifest.clips for edit in clip.edits]


def test_every_file_is_what_the_manifest_says(dataset: Dataset) -> None:
    assert [fault for faults in check_dataset(dataset) for fault in faults] == []


@pytest.mark.slow
def test_something_moves_in_every_clip(dataset: Dataset) -> None:
    moves = motion_check(dataset.manifest.protocol)
    assert [moves(source_video(dataset, clip)) for clip in dataset.manifest.clips] == (
        [""] * len(dataset.manifest.clips)
    )


def test_modules_beside_the_manifests_do_not_hide_them() -> None:
    from smmbench_datasets import dmt_page, emoji

    assert [load_dataset(name).manifest.name for name in ("emoji", "dmt-page")] == (
        ["emoji", "dmt-page"]
    )
    assert emoji.__name__ == "smmbench_datasets.emoji"
    assert dmt_page.__name__ == "smmbench_datasets.dmt_page"


def test_both_sets_are_small_and_have_one_protocol() -> None:
    sets = [load_dataset(fixed.name) for fixed in SETS]
    sizes = [
        stored_path(each, file).stat().st_size for each in sets for file in files_of(each.manifest)
    ]
    assert sum(sizes) < 8_000_000
    assert sets[0].manifest.protocol == sets[1].manifest.protocol
    protocol = sets[0].manifest.protocol
    assert (protocol.frames, protocol.height, protocol.width) == (FRAMES, HEIGHT, WIDTH)
    assert protocol.seeds == (0, 1, 2)
    assert protocol.text_model == "emoji-clip"


def test_every_family_has_its_clips_and_every_clip_three_prompts(
    fixed: FixedSet, dataset: Dataset
) -> None:
    families = Counter(clip.tags[0] for clip in dataset.manifest.clips)
    assert families == dict.fromkeys(TRAINED, fixed.clips_per_motion)
    ends = []
    for clip in dataset.manifest.clips:
        first, second, third = (edit.kind for edit in clip.edits)
        assert (first, second) == ("both", "both")
        ends.append(third)
    assert ends == [("object", "scene")[i % 2] for i in range(len(ends))]


def test_an_edit_changes_what_its_kind_says(dataset: Dataset) -> None:
    for clip in dataset.manifest.clips:
        source = parts_of(clip.prompt)
        assert clip.tags[1:] == (World.objects[source[0]], World.scenes[source[1]])
        for edit in clip.edits:
            target = parts_of(edit.prompt)
            changed = target[0] != source[0], target[1] != source[1]
            assert changed == {"object": (True, False), "scene": (False, True)}.get(
                str(edit.kind), (True, True)
            )


def test_clips_and_answers_are_held_out(fixed: FixedSet, dataset: Dataset) -> None:
    triples = torch.tensor(source_triples(dataset) + target_triples(dataset))
    assert (split_of(*triples.unbind(1)) == SPLITS.index(fixed.split)).all()


def test_tuning_never_sees_what_the_board_asks() -> None:
    board, tuning = (load_dataset(fixed.name) for fixed in SETS)
    seen = set(source_triples(tuning) + target_triples(tuning))
    assert not seen & set(source_triples(board) + target_triples(board))
    pixels = [clip.pixels_sha256 for each in (board, tuning) for clip in each.manifest.clips]
    assert len(set(pixels)) == len(pixels)


def test_no_prompt_names_a_motion(dataset: Dataset) -> None:
    motion = {word for phrase in MOTIONS.values() for word in re.findall(r"\w+", phrase)}
    motion |= {word for family in MOTIONS for word in family.split("-")} | {"moves", "moving"}
    motion -= {"a", "and", "the", "with"}
    for clip in dataset.manifest.clips:
        for prompt in [clip.prompt, *(edit.prompt for edit in clip.edits)]:
            assert not motion & set(re.findall(r"\w+", prompt))


def test_shapes_change_drastically() -> None:
    board = load_dataset("emoji").manifest
    changes = {
        (clip.tags[1], World.objects[parts_of(edit.prompt)[0]])
        for clip in board.clips
        for edit in clip.edits
    }
    assert {("dog", "dolphin"), ("giraffe", "ball")} <= changes


def test_objects_and_scenes_are_spread_evenly(fixed: FixedSet, dataset: Dataset) -> None:
    sources, targets = source_triples(dataset), target_triples(dataset)
    assert max(Counter(o for o, _, _ in sources).values()) <= 2
    scenes = Counter(s for _, s, _ in sources)
    assert len(scenes) == len(World.scenes)
    assert max(scenes.values()) - min(scenes.values()) <= 1
    asked = Counter(s for _, s, _ in targets)
    assert max(asked.values()) < 2 * min(asked.values())
    if fixed.name == "emoji":
        assert len({o for o, _, _ in targets}) == len(World.objects)


def test_truth_is_about_the_clip_that_is_shown(dataset: Dataset) -> None:
    for clip in dataset.manifest.clips:
        tracks, masks = true_tracks(dataset, clip), true_masks(dataset, clip)
        assert tracks.points.shape == (400, FRAMES, 2)
        middle = tracks.points[:150].mean(axis=0)
        where = np.array([np.argwhere(mask).mean(axis=0)[::-1] for mask in masks])
        assert np.abs(middle - where).max() < 4  # 150 random points of about 1000 pixels
        # Pictures change where the object was or is: the camera stands still. What is nearly
        # transparent changes too: a few rims, and the saucer's beam.
        frames = source_video(dataset, clip).frames.astype(int)
        change = np.abs(np.diff(frames, axis=0)).max(axis=-1) > 24
        outside = (change & ~grown(masks[1:] | masks[:-1])).sum() / change.sum()
        assert outside < (0.1 if "saucer" in clip.tags else 0.005)
        behind = tracks.points[150:]
        assert np.ptp(behind, axis=1).max() == 0
        assert tracks.visible.mean() > 0.8


def grown(masks: np.ndarray) -> np.ndarray:
    """Masks with two more pixels around."""
    wide = masks.copy()
    for axis in (1, 2):
        for way in (-2, -1, 1, 2):
            wide |= np.roll(masks, way, axis)
    return wide


def test_rendering_again_gives_the_clips_that_ship(tmp_path: Path) -> None:
    """Up to what another processor or release of PyTorch may round another way."""
    shipped = load_dataset("emoji-val")
    write_set(SETS[1], tmp_path)
    again = load_dataset(tmp_path / "emoji-val.toml")
    plain = {"pixels_sha256": "", "video": None, "tracks": None, "masks": None}
    assert [clip.model_copy(update=plain) for clip in again.manifest.clips] == [
        clip.model_copy(update=plain) for clip in shipped.manifest.clips
    ]
    for one, two in zip(again.manifest.clips, shipped.manifest.clips, strict=True):
        levels = source_video(again, one).frames.astype(int) - source_video(shipped, two).frames
        assert np.abs(levels).max() <= 1
        np.testing.assert_allclose(
            true_tracks(again, one).points, true_tracks(shipped, two).points, atol=1e-3
        )
        assert (true_masks(again, one) != true_masks(shipped, two)).mean() < 1e-4


def test_arrays_have_the_same_bytes_at_any_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    points = np.arange(12, dtype=np.float32).reshape(2, 3, 2)
    write_arrays(tmp_path / "one.npz", tracks=points, visible=points[..., 0] > 1)
    monkeypatch.setattr("time.time", lambda: 2_000_000_000.0)
    write_arrays(tmp_path / "two.npz", tracks=points, visible=points[..., 0] > 1)
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()
    with np.load(tmp_path / "one.npz", allow_pickle=False) as arrays:
        np.testing.assert_array_equal(arrays["tracks"], points)


def test_the_same_seed_chooses_the_same_clips() -> None:
    assert choose_clips("val", 1, 3) == choose_clips("val", 1, 3)
    assert choose_clips("val", 1, 3) != choose_clips("val", 1, 4)


def test_a_split_without_room_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    selection = Selection("val", 0)
    monkeypatch.setitem(selection._held, 0, [(0, 0), (1, 1)])
    with pytest.raises(ValueError, match="No source is left for the motion 'right'"):
        selection.choose(0, "object")


def test_edits_have_names_that_say_what_they_ask(dataset: Dataset) -> None:
    def named(edit: Edit) -> str:
        o, s = parts_of(edit.prompt)
        return f"{World.objects[o]}-{World.scenes[s]}"

    for clip in dataset.manifest.clips:
        assert [edit.name for edit in clip.edits] == [named(edit) for edit in clip.edits]
