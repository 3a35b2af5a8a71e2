"""Code shared by the five metrics that reproduce other projects' motion fidelity scripts.

These metrics serve to interpret published numbers, and are not for boards: the scripts compare in
one direction only, and none computes the published formula. Each is reimplemented from its
description, on given tracks, with its peculiarities, including NaN. None of their code is here, and
four of the five have no licence. They compute in single precision and this module in double, so
numbers agree to about 1e-6.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Bool, Float, Float64

from smmbench.dataset import true_masks
from smmbench.metrics.definition import Metric
from smmbench.metrics.measure import Measured, Task
from smmbench.metrics.resources import Resources
from smmbench.tracking import Tracks

Points = Float[np.ndarray, "n time 2"]
Mask = Bool[np.ndarray, "height width"]
Masks = Bool[np.ndarray, "frames height width"]
Size = tuple[int, int]  # height, width

LOOKUP: Size = (384, 512)  # where CoTracker computes, and looks masks up


class LegacyMotionFidelity(Metric):
    """Base of metrics that compute what one script returns for the tracks of this protocol.

    The scripts use other trackers and grids than the protocols here; a number agrees with theirs
    only if tracker and grid do too. Masks are used if both the dataset and the script have them.

    Attributes:
        masked: Whether the script uses a mask of the source.
        lookup: Height and width at which masks are looked up: where CoTracker computes, under its
            own grid (`--tracker cotracker2-grid55:/path.pth`), else None, the clip's own.
    """

    higher_is_better = True
    minimum, maximum, worst = -1.0, 1.0, -1.0
    needs = ("tracks",)
    extra = True
    masked: ClassVar[bool]

    def __init__(self, resources: Resources) -> None:
        self._dataset = resources.dataset
        self.lookup = LOOKUP if "-grid" in resources.protocol.tracker.partition(":")[0] else None
        self._tracks = resources.tracks

    @abstractmethod
    def script(self, source: Tracks, output: Tracks, task: Task, masks: Masks | None) -> float:
        """The script's number; masks are those of the source, if it has any."""

    def origin(self, task: Task) -> dict[str, Any]:
        """Tracks, and the masks that the script would use."""
        masks = task.clip.masks if self.masked else None
        return self._tracks.origin(task.clip) | {"masks": masks.sha256 if masks else ""}

    def measure(self, task: Task) -> Measured:
        """The script's number; if it is NaN, there is no number and the reason says so."""
        source, output = self._tracks.of_source(task.clip), self._tracks.of_output(task)
        masks = true_masks(self._dataset, task.clip) if self.masked and task.clip.masks else None
        value = self.script(source, output, task, masks)
        if math.isnan(value):
            raise ValueError("The script gives NaN: a track has a step of length zero.")
        return Measured(value)


def bounding_box(mask: Mask) -> Mask:
    """The box around a mask as the scripts cut it: without its last row and its last column.

    Raises:
        ValueError: The mask is empty.
    """
    rows, columns = np.nonzero(mask)
    if not len(rows):
        raise ValueError("The mask is empty: there is no box around it.")
    box = np.zeros_like(mask)
    box[rows.min() : rows.max(), columns.min() : columns.max()] = True
    return box


def begins_in(points: Points, box: Mask, lookup: Size | None = None) -> Bool[np.ndarray, " n"]:
    """Tracks whose first position, rounded, lies in the box.

    Args:
        points: Positions (x, y) in pixels of the box.
        box: True inside.
        lookup: Height and width at which the box is looked up: both are resized to it, as CoTracker
            does within the scripts. None: the box's own.
    """
    start = points[:, 0].astype(np.float64)
    if lookup is not None:
        corners = [(to - 1) / max(side - 1, 1) for to, side in zip(lookup, box.shape, strict=True)]
        start, box = start * corners[::-1], _resized(box, lookup)
    x, y = np.rint(start).astype(int).T
    height, width = box.shape
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    return inside & box[np.clip(y, 0, height - 1), np.clip(x, 0, width - 1)]


def _resized(box: Mask, size: Size) -> Bool[np.ndarray, "rows columns"]:
    """The nearest pixel at or before each place, as PyTorch's `nearest` has it."""
    rows, columns = (np.arange(to) * side // to for to, side in zip(size, box.shape, strict=True))
    return box[np.ix_(rows, columns)]


def mean_cosines(
    a: Float64[np.ndarray, "n steps 2"], b: Float64[np.ndarray, "m steps 2"]
) -> Float64[np.ndarray, "n m"]:
    """Mean cosine of each pair; NaN for every pair with a step of length zero in it."""
    with np.errstate(invalid="ignore"):  # 0 / 0, as in the scripts
        unit = [side / np.linalg.norm(side, axis=-1, keepdims=True) for side in (a, b)]
        flat = [side.reshape(len(side), 2 * side.shape[1]) for side in unit]
        return flat[0] @ flat[1].T / a.shape[1]


def mean_best(cosines: Float64[np.ndarray, "m n"], less_identity: bool) -> float:
    """Mean over rows of their largest value, which is NaN if any of the row is."""
    if less_identity:
        must_equal("tracks", cosines.shape[1], cosines.shape[0])
        cosines = cosines - np.eye(len(cosines))
    if not cosines.size:
        raise ValueError("No track is left to compare: the script fails in this case.")
    return float(cosines.max(axis=1).mean())


def must_equal(what: str, source: int, output: int) -> None:
    """Raise `ValueError` where the script fails: it needs as many in source and output."""
    if source != output:
        raise ValueError(
            f"The script needs as many {what} in source and output, got {source} and {output}."
        )
