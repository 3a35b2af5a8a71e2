"""Which parts of a clip move, estimated from its pixels alone.

Methods that need a mask of the object use this one, because no method here receives a dataset's
masks. Pixels that differ from the clip's median frame count as moving. This finds objects that move
in front of a static camera: on `emoji-val` its intersection over union with the ground-truth masks
is .76 (mean of 13 clips, cells of 8 pixels); points that Lucas-Kanade finds moving gave .31. If the
camera moves, most of the frame differs. The result is one region, whatever the number of objects.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, UInt8
from torch import Tensor

from smmbench.video import Video

Region = Bool[Tensor, "batch _time _rows _columns"]


def differs(
    frames: UInt8[np.ndarray, "time height width 3"], threshold: float
) -> Bool[np.ndarray, "time height width"]:
    """Pixels with a colour channel further than `threshold` from the median over time.

    Args:
        frames: A clip.
        threshold: In levels of 255.
    """
    middle = np.median(frames, axis=0)
    return (np.abs(frames - middle) > threshold).any(-1)


def moving_region(videos: Sequence[Video], cells: tuple[int, int], threshold: float) -> Region:
    """Cells at least half of which moves, in clips of the same size, on the CPU.

    Args:
        videos: The clips.
        cells: Rows and columns into which a frame is divided, those of the latent.
        threshold: See `differs`.
    """
    pixels = np.stack([differs(video.frames, threshold) for video in videos])
    return resized(torch.from_numpy(pixels), cells)


def latent_times(region: Region, frames: int, factor: int) -> Region:
    """A region at the frames of a latent: the first frame alone, then groups.

    Args:
        region: Region at the clip's frames.
        frames: Number of frames to which the clip is padded with its last frame.
        factor: Number of frames in each group.
    """
    missing = frames - region.shape[1]
    region = torch.cat([region, region[:, -1:].expand(-1, missing, -1, -1)], 1)
    if factor == 1:
        return region
    groups = torch.unflatten(region[:, 1:], 1, (-1, factor)).float().mean(2) >= 0.5
    return torch.cat([region[:, :1], groups], 1)


def joined(region: Region, times: int) -> Region:
    """A region after a network joins neighbouring frames: positions of which half is covered."""
    if region.shape[1] == times:
        return region
    return torch.unflatten(region, 1, (times, -1)).float().mean(2) >= 0.5


def resized(region: Region, cells: tuple[int, int]) -> Region:
    """A region on a coarser grid: cells of which it covers at least half."""
    if tuple(region.shape[-2:]) == cells:
        return region
    return F.adaptive_avg_pool2d(region.float(), cells) >= 0.5
