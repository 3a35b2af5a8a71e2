"""Dense optical flow between the frames of a clip, by OpenCV's DIS."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
from jaxtyping import Bool, Float32, UInt8

SMALLEST = 16  # pixels: a frame must hold two patches along each side


@dataclass(frozen=True, eq=False)
class Flow:
    """Displacement of each pixel forward and backward, in pixels (x, y) per step.

    Attributes:
        forward: From frame t to t + 1, at the pixels of t.
        backward: From frame t + 1 to t, at the pixels of t + 1.
    """

    forward: Float32[np.ndarray, "steps height width 2"]
    backward: Float32[np.ndarray, "steps height width 2"]


def flow_origin() -> dict[str, Any]:
    """Everything that the flow depends on, besides the pixels."""
    return {"flow": "dis", "preset": "medium", "version": 1, "opencv": cv2.__version__}


def flow_of(frames: UInt8[np.ndarray, "time height width 3"]) -> Flow:
    """Flow of RGB frames in both directions (Kroeger et al., ECCV 2016).

    Raises:
        ValueError: Fewer than two frames, or a side of the frame is shorter than 16 pixels.
    """
    time, height, width = frames.shape[:3]
    if time < 2:
        raise ValueError(f"Flow needs two frames, got {time}.")
    if min(height, width) < SMALLEST:
        raise ValueError(
            f"Flow needs frames of {SMALLEST}x{SMALLEST} pixels or more, got {width}x{height}."
        )
    dis = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)  # type: ignore[attr-defined]
    grey = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in frames]
    steps = list(pairwise(grey))
    return Flow(
        np.stack([dis.calc(before, after, None) for before, after in steps]),
        np.stack([dis.calc(after, before, None) for before, after in steps]),
    )


def seen_before(flow: Flow) -> Bool[np.ndarray, "steps height width"]:
    """Which pixels of frame t + 1 are visible in frame t, by forward-backward consistency.

    The criterion of Sundaram et al. (ECCV 2010): |f + b|^2 < 0.01 (|f|^2 + |b|^2) + 0.5. A pixel
    that came from outside the frame is not visible.
    """
    seen = []
    for forward, backward in zip(flow.forward, flow.backward, strict=True):
        there, inside = pull(forward, backward)
        miss = np.square(there + backward).sum(axis=-1)
        size = np.square(there).sum(axis=-1) + np.square(backward).sum(axis=-1)
        seen.append(inside & (miss < 0.01 * size + 0.5))
    return np.stack(seen)


def pull(
    image: Float32[np.ndarray, "height width channels"],
    displacement: Float32[np.ndarray, "height width 2"],
) -> tuple[Float32[np.ndarray, "height width channels"], Bool[np.ndarray, "height width"]]:
    """The image as seen from each pixel displaced by (x, y), and where that is inside it.

    Values between pixels are interpolated bilinearly.
    """
    height, width = displacement.shape[:2]
    x = np.arange(width, dtype=np.float32) + displacement[..., 0]
    y = np.arange(height, dtype=np.float32)[:, None] + displacement[..., 1]
    inside = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
    return cv2.remap(image, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), inside
