"""The visible motion of an output: change over time that moves the edges of the picture.

Motion fidelity measures directions only. A pattern of 3 levels of 255 that drifts over a still
picture has the directions of a clip, but a viewer sees a still. Two properties reveal it: almost
nothing changes, and the picture's structure stays in place. A moving object changes pixels and
moves its edges.
"""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Float32

from smmbench.marks.glance import Glance, at_a_glance
from smmbench.marks.thumbnails import Frames

SPREAD = 1.5
"""Blur of the change, in pixels of a thumbnail, because edges lie next to changing pixels."""

Bright = Float32[np.ndarray, "time rows columns"]


def moving_structure(source: Frames | Glance, output: Frames | Glance) -> float:
    """The moving energy of an output, relative to that of its source.

    A clip's moving energy is the mean squared difference between successive frames, minus the share
    that lies where the picture's edges stay in place (`held_share`). Both clips are reduced to the
    brightness of thumbnails.

    Args:
        source: The source clip, or a glance at it.
        output: The output, in the same form.

    Returns:
        0 for a still, 1 for as much as in the source, no upper bound.

    Raises:
        ValueError: There are fewer than two frames, or nothing moves in the source.
    """
    source, output = at_a_glance(source), at_a_glance(output)
    if min(len(source.frames), len(output.frames)) < 2:
        raise ValueError("Change over time needs at least two frames, got one.")
    of_source = _moving_energy(source.bright)
    if of_source == 0:
        raise ValueError("Nothing moves in the source, so there is nothing to compare.")
    return _moving_energy(output.bright) / of_source


def held_share(bright: Bright) -> float:
    """Share of a clip's structure that stays in place where the clip changes.

    Structure is the gradient of brightness; what stays is its mean over time. Their energies are
    weighted by each pixel's change over time.

    Returns:
        0 to 1; 1 where nothing changes.
    """
    weight = cv2.GaussianBlur(np.square(np.diff(bright, axis=0)).mean(axis=0), (0, 0), SPREAD)
    staying, whole = np.zeros_like(weight), np.zeros_like(weight)
    for along_x, along_y in ((1, 0), (0, 1)):
        slope = np.stack([cv2.Sobel(one, cv2.CV_32F, along_x, along_y, ksize=3) for one in bright])
        staying += np.square(slope.mean(axis=0))
        whole += np.square(slope).mean(axis=0)
    energy = float((weight * whole).sum(dtype=np.float64))
    return float((weight * staying).sum(dtype=np.float64)) / energy if energy > 0 else 1.0


def _moving_energy(bright: Bright) -> float:
    change = float(np.square(np.diff(bright, axis=0), dtype=np.float64).mean())
    return change * max(0.0, 1.0 - held_share(bright))
