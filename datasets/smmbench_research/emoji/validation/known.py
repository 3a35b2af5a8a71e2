"""Ground-truth tracks of the points that a tracker would follow."""

from __future__ import annotations

from dataclasses import replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from smmbench.tracking import Tracks
from smmbench.tracking.grid import grid_points
from smmbench_datasets.emoji.truth import covered, follow_background, follow_object, in_picture
from smmbench_datasets.emoji.world import HEIGHT, WIDTH, Clips, World


def known_grid(world: World, clip: Clips, grid: int) -> tuple[Tracks, Bool[Tensor, " points"]]:
    """Track a grid of a clip's first frame, and return which points are on an object.

    A point belongs to what is visible there: the object, its companion, or the background.
    """
    points = torch.from_numpy(grid_points(WIDTH, HEIGHT, grid))[None]
    alpha = world.sprites[:, 3:].cpu()
    companion = _companion(clip)
    near = follow_object(clip, _places(clip, points))
    beside = follow_object(companion, _places(companion, points))
    behind = follow_background(clip, points + _first_pan(clip))
    on = covered(alpha, clip.object, clip.path, clip.size, points[:, :, None])[..., 0]
    there = (clip.companion >= 0)[:, None]
    other = companion.object, companion.path, companion.size
    beyond = covered(alpha, *other, points[:, :, None])[..., 0] & there & ~on
    positions = torch.where(on[..., None, None], near, behind)
    positions = torch.where(beyond[..., None, None], beside, positions)
    hidden = covered(alpha, clip.object, clip.path, clip.size, positions) & ~on[..., None]
    hidden |= covered(alpha, *other, positions) & (there & ~on & ~beyond)[..., None]
    seen = in_picture(positions) & ~hidden
    return Tracks(positions[0].numpy(), seen[0].numpy()), (on | beyond)[0]


def _companion(clip: Clips) -> Clips:
    """Return the companion as if it were the object."""
    return replace(clip, object=clip.companion.clamp(min=0), path=clip.companion_path)


def _places(clip: Clips, points: Float[Tensor, "1 points 2"]) -> Float[Tensor, "1 points 2"]:
    """Convert positions in the first frame to coordinates in the tile, -1 to 1."""
    return 2 * (points - clip.path[:, :1]) / clip.size[:, :1, None]


def _first_pan(clip: Clips) -> Float[Tensor, "1 1 2"]:
    return torch.stack([clip.pan[:, :1], torch.zeros_like(clip.pan[:, :1])], -1)
