"""Ground truth of clips: where points of the object and the background go, and which are visible.

The object's centre is `Clips.path` itself. Nothing here is measured in a picture: a sprite's tile
spans exactly `size` pixels around `path`, and a background is a function of position, so positions
follow from the numbers that define a clip.

Coordinates are (x, y) in pixels; the centre of the top-left pixel is (0, 0).
"""

from __future__ import annotations

import torch
import torch.nn.functional as nnf
from jaxtyping import Bool, Float, Int
from torch import Tensor

from smmbench_datasets.emoji.world import HEIGHT, WIDTH, Clips, World

OPAQUE = 0.5  # alpha above which a sprite hides the background
_TRIES = 40  # draws for each point of an object; the thinnest sprite fills a fifth of its tile

Tracks = Float[Tensor, "clips points time 2"]
Visible = Bool[Tensor, "clips points time"]


def tracks(
    world: World,
    clips: Clips,
    object_points: int,
    background_points: int,
    generator: torch.Generator,
) -> tuple[Tracks, Visible]:
    """Track points drawn at random, first those of the object, then those of the background.

    A point of the object keeps its position in the sprite, which moves and changes its size. It is
    drawn uniformly from the part of the sprite whose alpha is above 0.5. It is visible wherever it
    is in the picture: nothing passes in front of an object.

    A point of the background is drawn uniformly from all that the camera sees in the clip and moves
    only with the camera. It is visible where it is in the picture and not behind an object or
    companion (alpha at most 0.5); it may be hidden all the time.

    A companion has no points.

    Args:
        world: World of the sprites.
        clips: Clips to track.
        object_points: Points on each clip's object.
        background_points: Points on each clip's background.
        generator: On the CPU; fixes the points.

    Returns:
        Positions, which are finite even outside the picture, and whether each is visible.
    """
    alpha = world.sprites[:, 3:].cpu()
    places = _places_in_sprite(alpha[clips.object], object_points, generator)
    near = follow_object(clips, places)
    far = follow_background(clips, _places_behind(clips, background_points, generator))
    hidden = covered(alpha, clips.object, clips.path, clips.size, far)
    companion = clips.companion.clamp(min=0)
    there = (clips.companion >= 0)[:, None, None]
    hidden |= there & covered(alpha, companion, clips.companion_path, clips.size, far)
    positions = torch.cat([near, far], 1)
    seen = torch.cat([torch.ones(near.shape[:-1], dtype=torch.bool), ~hidden], 1)
    return positions, seen & in_picture(positions)


def follow_object(clips: Clips, places: Float[Tensor, "clips points 2"]) -> Tracks:
    """Where points of the object go; their positions are -1 to 1 across its tile."""
    return clips.path[:, None] + places[:, :, None] * clips.size[:, None, :, None] / 2


def follow_background(clips: Clips, places: Float[Tensor, "clips points 2"]) -> Tracks:
    """Where points of the background go; their positions are those before the camera moves."""
    x = places[..., :1] - clips.pan[:, None]  # the camera moves right, so the scene moves left
    return torch.stack([x, places[..., 1:].expand_as(x)], -1)


def masks(world: World, clips: Clips) -> Bool[Tensor, "clips time height width"]:
    """Pixels that show the object: its alpha is above 0.5. A companion does not count."""
    return world.masks(clips) > OPAQUE


def _places_in_sprite(
    alpha: Float[Tensor, "clips 1 side side"], points: int, generator: torch.Generator
) -> Float[Tensor, "clips points 2"]:
    """Draw positions, -1 to 1 across a tile, where its alpha is above 0.5."""
    n = len(alpha)
    tried = 2 * torch.rand(n, points * _TRIES, 2, generator=generator) - 1
    solid = _alpha_at(alpha, tried) > OPAQUE
    first = solid.int().argsort(dim=1, descending=True, stable=True)[:, :points]
    return tried.gather(1, first[..., None].expand(-1, -1, 2))


def _places_behind(
    clips: Clips, points: int, generator: torch.Generator
) -> Float[Tensor, "clips points 2"]:
    """Draw positions of the background that the camera will see."""
    draw = torch.rand(len(clips), points, 2, generator=generator)
    left, right = clips.pan.amin(1), clips.pan.amax(1) + WIDTH - 1
    x = left[:, None] + (right - left)[:, None] * draw[..., 0]
    return torch.stack([x, (HEIGHT - 1) * draw[..., 1]], -1)


def covered(
    alpha: Float[Tensor, "objects 1 side side"],
    object: Int[Tensor, " clips"],
    path: Float[Tensor, "clips time 2"],
    size: Float[Tensor, "clips time"],
    positions: Tracks,
) -> Visible:
    """Whether a sprite on this path covers each position."""
    places = 2 * (positions - path[:, None]) / size[:, None, :, None]
    n, points, time, _ = places.shape
    return _alpha_at(alpha[object], places.flatten(1, 2)).view(n, points, time) > OPAQUE


def _alpha_at(
    alpha: Float[Tensor, "clips 1 side side"], places: Float[Tensor, "clips points 2"]
) -> Float[Tensor, "clips points"]:
    """Alpha of a tile at positions -1 to 1 across it; 0 outside."""
    found = nnf.grid_sample(alpha, places[:, None], padding_mode="zeros", align_corners=False)
    return found[:, 0, 0]


def in_picture(positions: Tracks) -> Visible:
    """Whether each position is in the picture."""
    last = torch.tensor([WIDTH - 1.0, HEIGHT - 1.0])
    return ((positions >= 0) & (positions <= last)).all(-1)
