"""The share of an output's change over time that is the source, moved in space or time.

A source that is mirrored, played backwards, delayed, shifted, or shown smaller in a corner keeps
its directions or many of them, and stationary filters cannot reproduce it (`source_share`). So the
source is first registered to the output: by cross-correlation of their changes over time
(`candidates`), then by a least-squares fit of an affine map (`fitting`). The share is then
computed as in `source_share`, from the moved source.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from jaxtyping import Float32

from smmbench.marks.candidates import Map, Motion, best_candidates, resized, scaled
from smmbench.marks.filters import energy_of, explained
from smmbench.marks.fitting import fitted, mapped
from smmbench.marks.glance import Glance, at_a_glance
from smmbench.marks.thumbnails import Frames, Thumbnails, less, luma

FINE = 0.5
"""Size of the pictures in which the affine map is fitted, relative to thumbnails."""
LEAST_SEEN, HALF = 0.04, 0.5
"""Minimum shares of the picture that the moved source covers, to be examined and to be a copy."""

Part = Float32[np.ndarray, "frames rows columns 3"]


def moved_source(source: Frames | Glance, output: Frames | Glance) -> float:
    """Share of the output's change that filters of the moved source's change explain.

    Change is the deviation of each pixel from its mean over the frames that the moved source
    covers. Changes outside the moved source count as unexplained.

    Args:
        source: The source clip, or a glance at it.
        output: The output, in the same form.

    Returns:
        0 to 1: 1 for the source moved as a whole; 0 if either does not change.
    """
    shares = _shares(at_a_glance(source), at_a_glance(output))
    return max((share for share, _ in shares), default=0.0)


def moved_picture(source: Frames | Glance, output: Frames | Glance) -> float:
    """The same share for whole pictures, under the motion that explains most of the change.

    Only the area of the moved source counts, because a shift exposes new content at the edges. A
    moved copy has both shares near 1; a small copy in a corner has only the first.

    Returns:
        0 to 1; 0 where the moved source covers less than half of the picture.
    """
    source, output = at_a_glance(source), at_a_glance(output)
    shares = [(share, motion) for share, motion in _shares(source, output) if share > 0]
    if not shares:
        return 0.0
    _, best = max(shares, key=lambda one: one[0])
    ours, theirs = _together(source.thumbnails, output.thumbnails, best)
    moved, covered = mapped(less(ours, (0, 1, 2)), best.map)
    inside = less(theirs, (0, 1, 2)) * covered[None, :, :, None]
    return explained(moved, inside) if covered.mean() >= HALF else 0.0


def _shares(source: Glance, output: Glance) -> Iterator[tuple[float, Motion]]:
    """The share of the change that each of the best candidates explains, with its fitted map."""
    if not (source.bright_change.any() and output.bright_change.any()):
        return
    for motion in best_candidates(source.shown, output.bright_change):
        clips = _together(source.thumbnails, output.thumbnails, motion)
        first, second = (less(clip, axis=(0,)) for clip in clips)
        ours, theirs = (resized(luma(change), FINE) for change in (first, second))
        matrix = scaled(fitted(ours, theirs, scaled(motion.map, FINE)), 1 / FINE)
        yield _share(first, second, matrix), replace(motion, map=matrix)


def _together(source: Thumbnails, output: Thumbnails, motion: Motion) -> tuple[Part, Part]:
    """The mirrored and delayed source, and the output, in their common frames."""
    turned = np.flip(source, motion.mirrored) if motion.mirrored else source
    first, last = max(0, motion.delay), len(output) + min(0, motion.delay)
    return turned[first - motion.delay : last - motion.delay], output[first:last]


def _share(source: Thumbnails, output: Thumbnails, matrix: Map) -> float:
    """Share of the output's whole change that filters of the mapped source's change explain."""
    moved, covered = mapped(source, matrix)
    inside = output * covered[None, :, :, None]
    whole, seen = energy_of(output), energy_of(inside)
    if covered.mean() < LEAST_SEEN or seen == 0:
        return 0.0
    return explained(moved, inside, seen) * seen / whole
