"""A clip in the form used by the marks; values that several marks need are computed once."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from smmbench.marks.candidates import COARSE, SIZES, Shown, Volume, shown_sources
from smmbench.marks.filters import COUNT, Filtered, explained, explained_by, filtered
from smmbench.marks.thumbnails import Frames, Thumbnails, less, luma, thumbnails

MOST_KEPT = 128 * 1024**2
"""Maximum bytes of cached regressors and spectra of a source; longer clips cache neither.

A clip of 81 frames takes 124 and 99 MB, one of 16 square frames 44 and 35 MB.
"""
SPECTRA = 8 * len(SIZES)
"""Number of variants in which a source is shown: 8 mirrorings at each size; see `candidates`."""


class Glance:
    """A clip, its thumbnails, and what is derived from them.

    Outputs of one clip share one glance at their source, which saves half of the work. Each value
    is computed on first use.

    Args:
        frames: The clip.

    Attributes:
        frames: The same.
    """

    def __init__(self, frames: Frames) -> None:
        self.frames = frames

    @cached_property
    def thumbnails(self) -> Thumbnails:
        """The clip scaled down and slightly blurred."""
        return thumbnails(self.frames)

    @cached_property
    def bright(self) -> Volume:
        """Brightness of the thumbnails."""
        return luma(self.thumbnails)

    @cached_property
    def change(self) -> Thumbnails:
        """The deviation of each pixel from its mean over time."""
        return less(self.thumbnails, axis=(0,))

    @cached_property
    def bright_change(self) -> Volume:
        """Brightness of the change."""
        return luma(self.change)

    @property
    def shown(self) -> Iterable[Shown]:
        """All variants in which the clip may be shown as a moved source."""
        padded = 2**3 * self.bright_change.size * COARSE**2
        spectra = SPECTRA * padded / 2 * 8  # half of it, as pairs of float32
        return self._shown if spectra <= MOST_KEPT else shown_sources(self.bright_change)

    def change_explains(self, target: Thumbnails) -> float:
        """Share of a target's energy that filters of this clip's change explain."""
        if COUNT * self.bright_change.nbytes > MOST_KEPT:
            return explained(self.change, target)
        return explained_by(self._filtered_change, target)

    @cached_property
    def _shown(self) -> list[Shown]:
        return list(shown_sources(self.bright_change))

    @cached_property
    def _filtered_change(self) -> Filtered:
        return filtered(self.change)


def at_a_glance(clip: Frames | Glance) -> Glance:
    """Return a glance at frames; an existing glance is returned unchanged."""
    return clip if isinstance(clip, Glance) else Glance(clip)
