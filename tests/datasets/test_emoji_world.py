"""The emoji world: what is said of a clip is what its picture shows."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as nnf
from torch import Tensor

from smmbench_datasets.emoji import truth
from smmbench_datasets.emoji.motions import MOTIONS, TRAINED, path_of
from smmbench_datasets.emoji.sampling import EDGE
from smmbench_datasets.emoji.scenes import SCENES, Backgrounds
from smmbench_datasets.emoji.world import FRAMES, HEIGHT, SPLITS, WIDTH, Clips, World, split_of

COLUMNS = torch.arange(WIDTH, dtype=torch.float32)
ROWS = torch.arange(HEIGHT, dtype=torch.float32)[:, None]


@pytest.fixture(scope="module")
def world() -> World:
    return World()


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def of_motion(world: World, family: str, n: int = 4, scene: int = 0) -> Clips:
    motion = torch.full((n,), world.motions.index(family))
    return world.compose(torch.arange(n), torch.full((n,), scene), motion, seeded())


def every_motion(world: World) -> Clips:
    motion = torch.arange(len(MOTIONS))
    return world.compose(motion, motion % len(SCENES), motion, seeded(1))


def with_sprite(tile: Tensor) -> World:
    """A world where every object is this one: RGB times alpha, and alpha, on 64x64."""
    marked = World()
    marked.sprites = tile.expand(len(marked.objects), -1, -1, -1)
    return marked


def on_black(clips: Clips) -> Clips:
    """The same clips before nothing at all."""
    back = clips.background
    nothing = replace(
        back, colours=torch.zeros_like(back.colours), half=torch.full_like(back.half, -1)
    )
    return replace(clips, background=nothing)


def centroids(pictures: Tensor) -> Tensor:
    """Centre (x, y) of the light in each frame, in pixels."""
    light = pictures.sum(-3)
    x, y = (light * COLUMNS).sum((-2, -1)), (light * ROWS).sum((-2, -1))
    return torch.stack([x, y], -1) / light.sum((-2, -1))[..., None]


MARK = torch.tensor([0.2, -0.35])  # its place in the tile, away from the middle


def a_mark(at: Tensor) -> Tensor:
    """A soft light in an opaque black tile."""
    place = (torch.arange(64) + 0.5) / 32 - 1
    distance = torch.hypot(place - at[0], place[:, None] - at[1])
    light = torch.exp(-0.5 * (distance / 0.1) ** 2)
    return torch.stack([light, light, light, torch.ones(64, 64)])


@pytest.mark.parametrize("family", ["left", "bounce", "circle", "approach", "recede", "two", "pan"])
def test_a_rendered_mark_is_where_its_track_says(family: str) -> None:
    marked = with_sprite(a_mark(MARK))
    clips = on_black(of_motion(marked, family))
    clips = replace(clips, companion=torch.full_like(clips.companion, -1))
    said = truth.follow_object(clips, MARK.expand(len(clips), 1, 2))[:, 0]
    assert (centroids(marked.render(clips)) - said).abs().max() < 0.1  # pixels


@pytest.mark.slow
def test_every_point_of_the_object_keeps_its_colour() -> None:
    # Red and green say where in the tile a pixel is. They rise by 1/2 over half a tile of 13 to
    # 37 pixels, so a track that is off by a tenth of a pixel reads off by 0.0014 at least.
    place = ((torch.arange(64) + 0.5) / 64).expand(64, 64)
    coded = with_sprite(torch.stack([place, place.T, torch.zeros(64, 64), torch.ones(64, 64)]))
    clips = every_motion(coded)
    positions, visible = truth.tracks(coded, clips, 200, 0, seeded())
    pictures = coded.render(clips)
    scale = torch.tensor([2 / (WIDTH - 1), 2 / (HEIGHT - 1)])
    for t in range(FRAMES):
        grid = positions[:, :, t] * scale - 1
        read = nnf.grid_sample(pictures[:, t], grid[:, None], align_corners=True)[:, :2, 0]
        place_in_tile = (
            2 * (positions[:, :, t] - clips.path[:, None, t]) / clips.size[:, None, t, None]
        )
        # The rim of a tile fades over the texels' half width and the pixel beside it.
        inner = (place_in_tile.abs() < 0.85).all(-1) & visible[:, :, t]
        wrong = (read.movedim(1, -1) - (place_in_tile + 1) / 2).abs().amax(-1)
        assert inner.float().mean() > 0.5
        assert wrong[inner].max() < 0.0014


def test_a_mark_on_the_background_goes_with_the_camera(world: World) -> None:
    clips = of_motion(world, "pan")
    clips = replace(on_black(clips), size=torch.full_like(clips.size, 1e-3))  # no object to see
    start = torch.stack([WIDTH / 2 - 0.3 + clips.pan[:, 8], torch.full((4,), 50.4)], -1)
    back = clips.background
    half, tint = back.half.clone(), torch.ones_like(back.tint)
    half[:, 0] = 4.0
    disc = replace(
        back, kind=torch.zeros_like(back.kind), centre=start[:, None].expand(-1, 10, 2), half=half
    )
    clips = replace(clips, background=replace(disc, tint=tint))
    said = truth.follow_background(clips, start[:, None])[:, 0]
    inside = (said[..., 0] > 6) & (said[..., 0] < WIDTH - 7)
    assert inside.sum() > 30
    assert ((centroids(world.render(clips)) - said).abs() < 0.1)[inside].all()


def test_the_camera_sees_the_same_background_moved() -> None:
    still = World()
    clips = of_motion(still, "pan", scene=list(SCENES).index("meadow"))
    clips = replace(clips, size=torch.full_like(clips.size, 1e-3))
    whole = replace(clips, pan=torch.round(clips.pan))
    pictures = still.render(whole)
    for clip, pan in zip(pictures, whole.pan[:, -1].int().tolist(), strict=True):
        a, b = clip[0], clip[-1].roll(pan, -1)
        seen = slice(pan, None) if pan > 0 else slice(None, pan)
        torch.testing.assert_close(a[..., seen], b[..., seen], atol=2e-4, rtol=0)


@pytest.mark.parametrize("family", list(MOTIONS))
def test_points_are_seen_where_the_picture_shows_them(world: World, family: str) -> None:
    clips = of_motion(world, family)
    positions, visible = truth.tracks(world, clips, 60, 120, seeded())
    hidden = truth.masks(world, clips)
    others = replace(clips, object=clips.companion.clamp(min=0), path=clips.companion_path)
    hidden |= truth.masks(world, others) & (clips.companion >= 0)[:, None, None, None]
    high = nnf.max_pool2d(hidden.float(), 3, 1, 1)
    low = -nnf.max_pool2d(-hidden.float(), 3, 1, 1)
    limit = torch.tensor([WIDTH - 1.0, HEIGHT - 1.0])
    inside = ((positions >= 0) & (positions <= limit)).all(-1)
    assert (visible <= inside).all()
    pixel = positions.round().clamp(min=torch.zeros(2), max=limit).long()
    clip = torch.arange(len(clips))[:, None, None]
    frame = torch.arange(FRAMES)
    at = (clip, frame, pixel[..., 1], pixel[..., 0])
    clear = inside & (low[at] == high[at])  # not on the rim of anything
    clear[:, :60] = False
    # A gap between two whiskers may lie between the pixels: a point in it is seen, a pixel is not.
    assert (visible == (low[at] == 0))[clear].float().mean() > 0.998
    assert (visible[:, :60] == inside[:, :60]).all()
    assert (~visible[:, 60:] & inside[:, 60:]).any()


def test_a_companion_hides_the_background_and_the_object_hides_it(world: World) -> None:
    clips = of_motion(world, "two")
    assert (clips.companion >= 0).all()
    assert (clips.companion != clips.object).all()
    middle = torch.round(clips.companion_path[:, 8])
    swapped = replace(clips, companion=torch.full_like(clips.companion, -1))
    differ = (world.render(clips) - world.render(swapped)).abs().sum(2) > 0.05
    assert differ[torch.arange(4), 8, middle[:, 1].long(), middle[:, 0].long()].any()
    assert not (differ & (world.masks(clips) > 0.999)).any()


def test_points_start_on_the_object(world: World) -> None:
    clips = every_motion(world)
    positions, _ = truth.tracks(world, clips, 150, 0, seeded())
    alpha = world.masks(clips)
    near = positions[:, :, 0].round().clamp(0, WIDTH - 1).long()
    shown = nnf.max_pool2d(alpha[:, 0], 3, 1, 1) > 0.5
    clip = torch.arange(len(clips))[:, None]
    assert shown[clip, near[..., 1], near[..., 0]].all()


def test_a_mask_is_where_alpha_is_above_a_half(world: World) -> None:
    clips = of_motion(world, "jump")
    image, alpha = world.render_frames(clips, torch.full((4,), 5))
    assert torch.equal(truth.masks(world, clips)[:, 5], alpha[:, 0] > 0.5)
    assert torch.equal(world.render(clips)[:, 5], image)


def test_the_centre_is_the_middle_of_the_tile() -> None:
    marked = with_sprite(a_mark(torch.zeros(2)))
    clips = on_black(of_motion(marked, "zigzag"))
    assert (centroids(marked.render(clips)) - marked.centres(clips)).abs().max() < 0.1


@pytest.mark.parametrize("family", list(MOTIONS))
def test_the_object_stays_in_the_picture_and_moves(world: World, family: str) -> None:
    clips = of_motion(world, family, n=32)
    reach = clips.size[..., None] / 2 - EDGE
    limit = torch.tensor([WIDTH - 1.0, HEIGHT - 1.0])
    assert (clips.path - reach > -0.01).all()
    assert (clips.path + reach < limit + 0.01).all()
    positions, _ = truth.tracks(world, clips, 50, 50, seeded())
    assert (positions.diff(dim=2).norm(dim=-1).amax((1, 2)) > 0.5).all()  # pixels a frame


def test_directions_and_sizes_are_what_their_names_say(world: World) -> None:
    way = {family: of_motion(world, family, n=16).path.diff(dim=1) for family in TRAINED}
    assert (way["right"][..., 0] > 2).all() and (way["left"][..., 0] < -2).all()
    assert (way["down"][..., 1] > 2).all() and (way["up"][..., 1] < -2).all()
    assert (of_motion(world, "approach").size.diff() > 0).all()
    assert (of_motion(world, "recede").size.diff() < 0).all()
    rest = way["stop-and-go"].norm(dim=-1) < 0.01
    assert rest.any(1).all() and not rest[:, 0].any() and not rest[:, -1].any()
    back = way["there-and-back"][..., 0]
    assert (back[:, 0] * back[:, -1] < 0).all()


def test_an_unknown_family_is_refused() -> None:
    with pytest.raises(LookupError, match="No motion 'spin'; available: right, left"):
        path_of("spin", FRAMES, lambda low, high: torch.zeros(1, 1))


def test_a_seed_means_the_same_clips_and_pixels(world: World) -> None:
    one, two = (world.sample(3, seeded(7)) for _ in range(2))
    assert torch.equal(world.render(one), World().render(two))
    first, second = (truth.tracks(world, one, 9, 9, seeded(3)) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    assert not torch.equal(world.render(one), world.render(world.sample(3, seeded(8))))


@pytest.mark.slow
def test_a_clip_is_drawn_alike_alone_and_among_others(world: World) -> None:
    clips = every_motion(world)
    together = world.render(clips)
    alone = torch.cat([world.render(clips.take(slice(i, i + 1))) for i in range(len(clips))])
    torch.testing.assert_close(together, alone, atol=1e-6, rtol=0)
    assert together.min() >= 0 and together.max() <= 1


def test_splits_share_no_triple_and_meet_every_part(world: World) -> None:
    kinds = torch.cartesian_prod(torch.arange(32), torch.arange(8), torch.arange(len(TRAINED)))
    split = split_of(*kinds.unbind(1))
    share = torch.bincount(split, minlength=3) / len(kinds)
    assert share[0] > 0.75 and 0.08 < share[1] < 0.12 and 0.08 < share[2] < 0.12
    trained = kinds[split == 0]
    for part, count in enumerate((len(world.objects), len(world.scenes), len(TRAINED))):
        assert torch.bincount(trained[:, part], minlength=count).min() > 0
    for index, name in enumerate(SPLITS):
        clips = world.sample(50, seeded(), name)
        assert len(clips) == 50
        assert (split_of(clips.object, clips.scene, clips.motion) == index).all()
        assert clips.motion.max() < len(TRAINED)


def test_captions_say_object_motion_and_scene(world: World) -> None:
    dolphin, desert = world.objects.index("dolphin"), world.scenes.index("desert")
    jump = world.motions.index("jump")
    assert world.caption(dolphin, desert) == "a dolphin in a desert"
    assert world.caption(dolphin, desert, jump) == "a dolphin jumping in a desert"
    assert world.caption(world.objects.index("octopus"), None) == "an octopus"
    assert world.caption(None, world.scenes.index("sea")) == "the sea"
    assert world.caption(None, None) == ""


def test_captions_name_the_motion_as_often_as_asked(world: World) -> None:
    clips = world.sample(40, seeded())
    words = tuple(MOTIONS.values())
    told = [
        sum(
            any(word in caption for word in words) for caption in world.captions(clips, seeded(), p)
        )
        for p in (0.0, 0.5, 1.0)
    ]
    assert told[0] == 0 and 8 < told[1] < 32 and told[2] == 40


def test_some_of_the_clips_keep_all_that_is_theirs(world: World) -> None:
    clips = every_motion(world)
    some = clips.take(torch.tensor([3, 1]))
    assert isinstance(some.background, Backgrounds) and len(some) == 2
    assert torch.equal(some.path[1], clips.path[1])
    torch.testing.assert_close(world.render(some), world.render(clips)[[3, 1]], atol=1e-6, rtol=0)
