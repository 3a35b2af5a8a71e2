"""What the scripts of other projects call motion fidelity, each with its quirks, NaN included.

For reading published numbers, never for a board: the scripts look in one direction only, and none
computes the published formula. Each is re-implemented from its description, on tracks that are
given; none of their code is here, and four of the five have no licence. They compute in single
precision and here it is double, so numbers agree to about 1e-6.

- `dmt`: https://github.com/diffusion-motion-transfer/diffusion-motion-transfer,
  `motion_fidelity_score.py` at ab55bcd.
- `ditflow`: https://github.com/ditflow/ditflow, `eval/motion_fidelity_score.py` at 4db379b.
- `five`: https://github.com/Harvard-AI-and-Robotics-Lab/FiVE-Bench,
  `evaluation/metrics_calculator.py` at 2825ec1.
- `det`: https://github.com/Shi-qingyu/DeT, `evaluation.py` at 81e0c8f.
- `ivebench`: in `smmbench.metrics.legacy_ivebench`.

All but `det` take tracks of 55 x 55 points, `det` of 50 x 50, by different versions of CoTracker.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Float64

Points = Float[np.ndarray, "n time 2"]
Mask = Bool[np.ndarray, "height width"]


def dmt(
    source: Float[np.ndarray, "n source_time 2"],
    output: Float[np.ndarray, "m output_time 2"],
    mask: Mask | None = None,
) -> float:
    """Motion fidelity as described in DMT's script.

    Mean over the output's tracks of the best mean cosine with a source track, after 1 was taken
    off each pair of equal index (as if a clip were compared with itself). A step of length zero in
    any track makes it NaN.

    Args:
        source: Positions (x, y) in pixels.
        output: As many tracks, over as many frames.
        mask: The source's foreground in its first frame: tracks of both clips then count only if
            they begin in its bounding box, less its last row and column.

    Raises:
        ValueError: Numbers of tracks or frames differ, or no track begins in the box: the script
            fails there.
    """
    if mask is not None:
        box = bounding_box(mask)
        source, output = source[begins_in(source, box)], output[begins_in(output, box)]
    _must_equal("frames", source.shape[1], output.shape[1])
    return _mean_best(_cosines(_steps(output), _steps(source)), less_identity=True)


def ditflow(
    source: Float[np.ndarray, "n source_time 2"], output: Float[np.ndarray, "m output_time 2"]
) -> float:
    """Motion fidelity as described in DiTFlow's script: DMT's, with the longer clip cut.

    It has no mask.

    Raises:
        ValueError: Numbers of tracks differ: the script fails there.
    """
    frames = min(source.shape[1], output.shape[1])
    return dmt(source[:, :frames], output[:, :frames])


def five(
    source: Float[np.ndarray, "n source_time 2"],
    output: Float[np.ndarray, "m output_time 2"],
    masks: Bool[np.ndarray, "frames height width"] | None = None,
) -> float:
    """Motion fidelity as described in FiVE-Bench's script: DMT's, with the source cut.

    The script that averages over videos leaves those out that are NaN here, and multiplies by 100.

    Args:
        source: Positions (x, y) in pixels.
        output: As many tracks, over as many frames or fewer.
        masks: The source's foreground in each frame; the box is around all of them, again less its
            last row and column.

    Raises:
        ValueError: Numbers of tracks differ, or the output is longer: the script fails there.
    """
    source = source[:, : output.shape[1]]
    return dmt(source, output, None if masks is None else np.any(masks, axis=0))


def det(
    source: Float[np.ndarray, "n source_time 2"],
    output: Float[np.ndarray, "m output_time 2"],
    width: int,
    height: int,
    mask: Mask | None = None,
) -> float:
    """Motion fidelity as described in DeT's script, without its optional second part.

    Mean over the output's tracks of the best mean cosine with a source track. Positions are
    divided by width and height, which changes angles where these differ, and the first position
    counts as a step before the first. Equal indices are not treated otherwise. NaN as in `dmt`.

    Args:
        source: Positions (x, y) in pixels.
        output: The same; n and m, and the lengths, may differ. Of the longer clip, frames at equal
            distances are taken, each the one before.
        width: Of both videos, in pixels.
        height: Of both videos, in pixels.
        mask: As in `dmt`.
    """
    if mask is not None:
        box = bounding_box(mask)
        source, output = source[begins_in(source, box)], output[begins_in(output, box)]
    frames = min(source.shape[1], output.shape[1])
    size = np.array([width, height], dtype=np.float64)
    rows = [_steps_from_the_origin(_thinned(side, frames) / size) for side in (output, source)]
    return _mean_best(_cosines(*rows), less_identity=False)


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


def begins_in(points: Points, box: Mask) -> Bool[np.ndarray, " n"]:
    """Tracks whose first position, rounded, lies in the box."""
    x, y = np.rint(points[:, 0].astype(np.float64)).astype(int).T
    height, width = box.shape
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    return inside & box[np.clip(y, 0, height - 1), np.clip(x, 0, width - 1)]


def _steps(points: Points) -> Float64[np.ndarray, "n steps 2"]:
    return np.diff(points.astype(np.float64), axis=1)


def _steps_from_the_origin(points: Points) -> Float64[np.ndarray, "n time 2"]:
    """Steps, with the first position before them as if it were one."""
    return np.diff(points.astype(np.float64), axis=1, prepend=0.0)


def _thinned(points: Points, frames: int) -> Float[np.ndarray, "n frames 2"]:
    if points.shape[1] == frames:
        return points
    import torch  # whose rounding decides which frames these are

    kept = torch.linspace(0, points.shape[1] - 1, frames).to(torch.int32).numpy()
    return points[:, kept]


def _cosines(
    a: Float64[np.ndarray, "n steps 2"], b: Float64[np.ndarray, "m steps 2"]
) -> Float64[np.ndarray, "n m"]:
    """Mean cosine of each pair; NaN for every pair with a step of length zero in it."""
    with np.errstate(invalid="ignore"):  # 0 / 0, as in the scripts
        unit = [side / np.linalg.norm(side, axis=-1, keepdims=True) for side in (a, b)]
        flat = [side.reshape(len(side), 2 * side.shape[1]) for side in unit]
        return flat[0] @ flat[1].T / a.shape[1]


def _mean_best(cosines: Float64[np.ndarray, "m n"], less_identity: bool) -> float:
    """Mean over rows of their largest value, which is NaN if any of the row is."""
    if less_identity:
        _must_equal("tracks", cosines.shape[1], cosines.shape[0])
        cosines = cosines - np.eye(len(cosines))
    if not cosines.size:
        raise ValueError("No track is left to compare: the script fails there.")
    return float(cosines.max(axis=1).mean())


def _must_equal(what: str, source: int, output: int) -> None:
    if source != output:
        raise ValueError(
            f"The script needs as many {what} in source and output, got {source} and {output}."
        )
