"""The world emoji-wan and its fixed sets: graded, held out, true, and the same for everyone."""

from __future__ import annotations

from collections import Counter
from itertools import product

import numpy as np
import pytest
import torch

from smmbench.dataset import (
    Dataset,
    check_dataset,
    load_dataset,
    source_video,
    true_masks,
    true_tracks,
)
from smmbench.scoring.motion_check import motion_check
from smmbench.video import Video
from smmbench_datasets.emoji.fixed_sets import OBJECT_POINTS, FixedSet
from smmbench_datasets.emoji.sampling import EDGE, SPLITS, split_of
from smmbench_datasets.emoji_wan import captions, make, selection, world
from smmbench_datasets.emoji_wan.captions import (
    ATTRIBUTES,
    COLOURS,
    LARGE,
    MOTIONS,
    OBJECTS,
    PLAIN,
    SCENES,
    SECOND,
    SMALL,
    TWO,
    caption,
)


@pytest.fixture(scope="module")
def clips() -> world.Clips:
    return world.sample(400, torch.Generator().manual_seed(3))


@pytest.fixture(params=make.SETS, ids=lambda fixed: fixed.name)
def fixed(request: pytest.FixtureRequest) -> FixedSet:
    assert isinstance(request.param, FixedSet)
    return request.param


@pytest.fixture
def dataset(fixed: FixedSet) -> Dataset:
    return load_dataset(fixed.name)


def plain_clips(motion: int, count: int, attribute: int = PLAIN, seed: int = 0) -> world.Clips:
    ones = torch.ones(count, dtype=torch.long)
    return world.compose(
        ones, ones * 2, ones * motion, ones * attribute, torch.Generator().manual_seed(seed)
    )


def test_every_caption_is_distinct_and_has_known_words() -> None:
    known = set(captions.words())
    phrases = [
        caption(o, None, None, a)
        for o, a in product(range(len(OBJECTS)), range(ATTRIBUTES))
        if a != SECOND + o
    ]
    assert len(set(phrases)) == len(phrases)
    for text in [*phrases, *(caption(0, s, m) for s in range(8) for m in range(len(MOTIONS)))]:
        assert set(text.split()) <= known
    assert caption(None, None) == "" and caption(None, 2) == "the sea"
    assert caption(12, 0, 0, TWO) == "two roosters moving right in a forest"
    assert caption(17, 0, None, 1) == "a red octopus in a forest"
    assert caption(0, 1, None, SECOND + 7) == "a dog and an elephant in a desert"


@pytest.mark.parametrize("wrong", [-1, ATTRIBUTES])
def test_an_unknown_attribute_is_refused(wrong: int) -> None:
    with pytest.raises(ValueError, match=f"No attribute {wrong}"):
        captions.kind_of(wrong)


def test_splits_share_no_triple(clips: world.Clips) -> None:
    for split in SPLITS:
        some = world.sample(200, torch.Generator().manual_seed(1), split)
        found = split_of(some.object, some.scene, some.motion)
        assert (found == SPLITS.index(split)).all()
    assert (split_of(clips.object, clips.scene, clips.motion) == 0).all()


def test_a_seed_means_the_same_clips(clips: world.Clips) -> None:
    again = world.sample(400, torch.Generator().manual_seed(3))
    assert torch.equal(again.path, clips.path) and torch.equal(again.attribute, clips.attribute)
    other = world.sample(400, torch.Generator().manual_seed(4))
    assert not torch.equal(other.path, clips.path)


def test_attributes_are_drawn_at_their_shares() -> None:
    motion = torch.zeros(20_000, dtype=torch.long)
    drawn = world.draw_attributes(motion, torch.Generator().manual_seed(0))
    kinds = Counter(captions.kind_of(a) for a in drawn.tolist())
    for kind, share in zip(captions.KINDS, world.SHARES, strict=True):
        assert kinds[kind] / len(drawn) == pytest.approx(share, abs=0.015)
    grows = torch.full_like(motion, world.SIZED[0])
    drawn = world.draw_attributes(grows, torch.Generator().manual_seed(0))
    assert "size" not in {captions.kind_of(a) for a in drawn.tolist()}


def test_objects_stay_in_the_picture_and_never_meet_themselves(clips: world.Clips) -> None:
    for path, there in ((clips.path, clips.object >= 0), (clips.other_path, clips.other >= 0)):
        reach = clips.size[..., None] / 2 - EDGE - 1e-3
        limit = torch.tensor([world.WIDTH - 1.0, world.HEIGHT - 1.0])
        inside = (path >= reach) & (path <= limit - reach)
        assert inside.all(-1).all(-1)[there].all()
    second = clips.attribute >= SECOND
    assert (clips.other[second] != clips.object[second]).all()
    assert (clips.other[clips.attribute == TWO] == clips.object[clips.attribute == TWO]).all()
    assert (clips.other[clips.attribute < TWO] == -1).all()


def test_attributes_are_what_their_names_say() -> None:
    renderer = world.Renderer()
    plain, small, large = (
        plain_clips(0, 6, attribute).size.mean() for attribute in (PLAIN, SMALL, LARGE)
    )
    assert small < 0.6 * plain and large > 1.4 * plain
    for index, rgb in enumerate(COLOURS.values()):
        clip = plain_clips(0, 1, 1 + index)
        picture, alpha = renderer.render_with_alpha(clip)
        inside = alpha[0, :, 0] > 0.9
        shown = picture[0].movedim(1, -1)[inside].mean(0)
        towards = torch.tensor(rgb, dtype=torch.float32)
        cosine = torch.nn.functional.cosine_similarity(shown, towards, dim=0)
        assert cosine > 0.99
    pair = plain_clips(0, 1, TWO)
    both = renderer.render_with_alpha(pair)[1].sum()
    first = renderer.object_alpha(pair).sum()
    assert both == pytest.approx(2 * float(first), rel=0.05)


def test_two_objects_move_as_one(clips: world.Clips) -> None:
    two = clips.take(clips.other >= 0)
    middle = (two.path + two.other_path) / 2
    reach = (two.path - middle).norm(dim=-1)
    torch.testing.assert_close(reach, world.PAIR_REACH * two.size, atol=1e-3, rtol=1e-4)
    assert (two.path - two.other_path)[..., 1].abs().max() < 1e-4  # side by side


def test_a_clip_is_drawn_alike_alone_and_among_others(clips: world.Clips) -> None:
    renderer = world.Renderer()
    some = clips.take(slice(0, 3))
    torch.testing.assert_close(
        renderer.render(some)[1], renderer.render(some.take(slice(1, 2)))[0], atol=1e-6, rtol=0
    )
    frames, _ = renderer.render_frames(some, torch.tensor([0, 5, 16]))
    torch.testing.assert_close(frames[2], renderer.render(some)[2, 16], atol=1e-6, rtol=0)


def test_only_plain_clips_have_a_ground_truth() -> None:
    make.as_emoji_clips(plain_clips(0, 2))
    with pytest.raises(ValueError, match="Only plain clips"):
        make.as_emoji_clips(plain_clips(0, 2, TWO))


def test_every_file_is_what_the_manifest_says(dataset: Dataset) -> None:
    assert [finding for findings in check_dataset(dataset) for finding in findings] == []


def test_sets_are_as_they_were_designed(fixed: FixedSet, dataset: Dataset) -> None:
    clips = dataset.manifest.clips
    assert len(clips) == fixed.clips_per_motion * len(MOTIONS)
    assert Counter(clip.tags[0] for clip in clips) == dict.fromkeys(MOTIONS, fixed.clips_per_motion)
    kinds = Counter(edit.kind for clip in clips for edit in clip.edits)
    assert sum(kinds.values()) == 2 * len(clips)
    assert set(kinds) == {"object", "scene", "both", "colour", "size", "number", "second"}
    protocol = dataset.manifest.protocol
    assert (protocol.frames, protocol.seeds) == (17, (0, 1))
    assert not any(
        words in text
        for clip in clips
        for words in MOTIONS.values()
        for text in (clip.prompt, *(edit.prompt for edit in clip.edits))
    )


@pytest.mark.slow
def test_sources_and_answers_are_held_out(fixed: FixedSet, dataset: Dataset) -> None:
    choices = selection.choose_clips(fixed.split, fixed.clips_per_motion, fixed.seed)
    for choice, clip in zip(choices, dataset.manifest.clips, strict=True):
        shown = [(choice.object, choice.scene)] + [(t.object, t.scene) for t in choice.targets]
        for o, s in shown:
            triple = torch.tensor([[o, s, choice.motion]])
            assert split_of(*triple.unbind(1)) == SPLITS.index(fixed.split)
        assert clip.prompt == caption(choice.object, choice.scene)
        for target, edit in zip(choice.targets, clip.edits, strict=True):
            assert edit.kind == target.kind
            assert edit.prompt == caption(target.object, target.scene, None, target.attribute)


@pytest.mark.slow
def test_an_edit_changes_what_its_kind_says() -> None:
    for choice in selection.choose_clips("test", 4, 0):
        for target in choice.targets:
            changed = target.object != choice.object, target.scene != choice.scene
            plain = target.attribute == PLAIN
            assert (changed, plain) == {
                "object": ((True, False), True),
                "scene": ((False, True), True),
                "both": ((True, True), True),
            }.get(target.kind, ((False, False), False))
            if not plain:
                assert captions.kind_of(target.attribute) == target.kind


@pytest.mark.slow
def test_no_colour_is_asked_for_that_is_there_already() -> None:
    names, colours = list(OBJECTS), list(COLOURS)
    assert not selection.clearly_recoloured(names.index("ladybug"), colours.index("red"))
    assert not selection.clearly_recoloured(names.index("turtle"), colours.index("green"))
    assert selection.clearly_recoloured(names.index("penguin"), colours.index("red"))
    for choice in selection.choose_clips("test", 4, 0):
        for target in choice.targets:
            if target.kind == "colour":
                assert selection.clearly_recoloured(target.object, target.attribute - 1)


def test_a_split_without_room_is_refused() -> None:
    choose = selection.Selection("val", 0)
    choose._held[3] = choose._held[3][:1]
    with pytest.raises(ValueError, match="No source is left for the motion 'down'"):
        choose.choose(3, ("scene", "object"))


def test_ground_truth_is_about_the_clip_that_is_shown(dataset: Dataset) -> None:
    clip = dataset.manifest.clips[0]
    video = source_video(dataset, clip)
    masks, tracks = true_masks(dataset, clip), true_tracks(dataset, clip)
    assert masks is not None and masks.shape == video.frames.shape[:3]
    assert motion_check(dataset.manifest.protocol)(video) == ""
    rows, columns = np.nonzero(masks[0])
    points = np.asarray(tracks.points)[:OBJECT_POINTS, 0]
    assert points[:, 0].min() >= columns.min() - 1 and points[:, 0].max() <= columns.max() + 1
    assert points[:, 1].min() >= rows.min() - 1 and points[:, 1].max() <= rows.max() + 1


def test_inter_frame_files_hold_the_same_pixels(tmp_path) -> None:  # type: ignore[no-untyped-def]
    frames = np.random.default_rng(0).integers(0, 256, (5, 32, 48, 3), dtype=np.uint8)
    video = Video(frames, 8.0)
    make.write_inter_frame(tmp_path / "a.mkv", video)
    from smmbench.video import read_video

    assert np.array_equal(read_video(tmp_path / "a.mkv").frames, frames)


def test_scenes_and_objects_are_spread(dataset: Dataset) -> None:
    scenes = Counter(clip.tags[2] for clip in dataset.manifest.clips)
    assert set(scenes) == set(SCENES) and max(scenes.values()) <= min(scenes.values()) + 1
    objects = Counter(clip.tags[1] for clip in dataset.manifest.clips)
    assert max(objects.values()) <= 2
