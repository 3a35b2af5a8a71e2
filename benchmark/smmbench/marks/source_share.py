"""How much of an output's change over time is the source itself, filtered, faded or recoloured.

A copy moves like its source, and so does a still picture with a faint overlay of a copy. Both are
linear in the source: copies, overlays, other colours, shifts, blurs and edge images all are. The
output's change is therefore predicted from the source by least squares, with one linear filter for
the whole clip (`filters`); a transfer shows another object or scene, which no filter of the source
reproduces.
"""

from __future__ import annotations

from smmbench.marks.filters import explained
from smmbench.marks.glance import Glance, at_a_glance
from smmbench.marks.thumbnails import Frames, less


def source_share(source: Frames | Glance, output: Frames | Glance) -> float:
    """Share of the energy of the output's change that filters of the source's change explain.

    Change is the deviation of each pixel from its mean over time: static content, in either clip,
    has no effect. A filter uses the three channels of the source, at four scales and with
    derivatives at two, and is the same at every position and time.

    Args:
        source: The source clip, or a glance at it.
        output: The output, in the same form.

    Returns:
        0 to 1: 1 for a copy and for an overlay over a still; 0 if either does not change.
    """
    return at_a_glance(source).change_explains(at_a_glance(output).change)


def picture_share(source: Frames | Glance, output: Frames | Glance) -> float:
    """The same share for whole pictures, with each channel minus its mean over the clip.

    A copy has both shares near 1; an overlay over a still has only the first. A transfer that
    keeps the scene has a large part of this one.
    """
    ours, theirs = (less(at_a_glance(clip).thumbnails, (0, 1, 2)) for clip in (source, output))
    return explained(ours, theirs)
