"""Steps of tracks: which are still, which are visible, and which tracks therefore count."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float64

from smmbench.metrics.conventions import Conventions


@dataclass(frozen=True, eq=False)
class Steps:
    """The steps of the tracks of one clip.

    Attributes:
        vectors: From each position to the next, in pixels.
        lengths: Lengths of the vectors.
        seen: Steps with both ends visible; all steps if invisible ones count too.
        goes: Visible steps longer than the still threshold.
        moving: Tracks that move, by the rule.
        dropped: Tracks visible in too few steps; they count as not moving.
        counted: Tracks that count: those that move, or all if the formula is applied literally.
    """

    vectors: Float64[np.ndarray, "n steps 2"]
    lengths: Float64[np.ndarray, "n steps"]
    seen: Bool[np.ndarray, "n steps"]
    goes: Bool[np.ndarray, "n steps"]
    moving: Bool[np.ndarray, " n"]
    dropped: Bool[np.ndarray, " n"]
    counted: Bool[np.ndarray, " n"]


def check_tracks(source: np.ndarray, output: np.ndarray, still_threshold: float) -> None:
    """Raise `ValueError` unless the motion of two clips can be compared."""
    if source.shape[1] != output.shape[1]:
        raise ValueError(
            f"The source has {source.shape[1]} frames and the output {output.shape[1]}: "
            "bring both to one normal form first."
        )
    if source.shape[1] < 2:
        raise ValueError("Motion needs at least two frames, got one.")
    if not (np.isfinite(source).all() and np.isfinite(output).all()):
        raise ValueError("Tracks hold positions that are not finite.")
    if not 0 <= still_threshold < math.inf:
        raise ValueError(f"The still threshold is in pixels, 0 or more, got {still_threshold}.")


def check_flags(
    side: str, points: np.ndarray, visible: np.ndarray | None, mask: np.ndarray | None
) -> None:
    """Raise `ValueError` unless visibility and mask have the shape of the tracks."""
    for name, flags, shape in (
        ("visible", visible, points.shape[:2]),
        ("mask", mask, points.shape[:1]),
    ):
        if flags is not None and (flags.shape != shape or flags.dtype != bool):
            raise ValueError(
                f"{side}_{name} must be bool of shape {shape}, got {flags.dtype} of shape "
                f"{flags.shape}."
            )


def steps_of(
    points: Float[np.ndarray, "n time 2"],
    visible: Bool[np.ndarray, "n time"] | None,
    still_threshold: float,
    conventions: Conventions,
) -> Steps:
    """Classify every step of every track.

    Args:
        points: Positions (x, y) in pixels.
        visible: Where the tracker considers its position reliable; None: everywhere.
        still_threshold: Length in pixels up to which a step is still; 0 applies the formula
            literally, without visibility or a rule for tracks.
        conventions: The conventions to apply.
    """
    letter = still_threshold == 0
    vectors = np.diff(points.astype(np.float64), axis=1)
    lengths = np.sqrt(np.einsum("nkc,nkc->nk", vectors, vectors))
    seen = np.ones(lengths.shape, dtype=bool)
    if visible is not None and conventions.visibility != "ignored" and not letter:
        seen = visible[:, 1:] & visible[:, :-1]
    dropped = seen.sum(axis=1) < conventions.visible_share * seen.shape[1]
    if conventions.visibility == "tracks":
        seen = np.ones(lengths.shape, dtype=bool)
    goes = (lengths > still_threshold) & seen
    if letter:
        moving = goes.any(axis=1)
        return Steps(vectors, lengths, seen, goes, moving, dropped, np.ones_like(moving))
    moving = _moves(points, lengths, seen, goes, conventions) & ~dropped
    return Steps(vectors, lengths, seen, goes, moving, dropped, moving)


def _moves(
    points: Float[np.ndarray, "n time 2"],
    lengths: Float64[np.ndarray, "n steps"],
    seen: Bool[np.ndarray, "n steps"],
    goes: Bool[np.ndarray, "n steps"],
    conventions: Conventions,
) -> Bool[np.ndarray, " n"]:
    """Which tracks move, by the rule; one without any step that goes has no direction."""
    enough: np.ndarray
    match conventions.moves:
        case "any":
            enough = np.ones(len(goes), dtype=bool)
        case "share":
            enough = goes.sum(axis=1) >= conventions.moving_share * seen.sum(axis=1)
        case "path":
            enough = (lengths * seen).sum(axis=1) > conventions.moving_pixels
        case "displacement":
            enough = _farthest(points, seen) > conventions.moving_pixels
    return np.logical_and(goes.any(axis=1), enough)


def _farthest(
    points: Float[np.ndarray, "n time 2"], seen: Bool[np.ndarray, "n steps"]
) -> Float64[np.ndarray, " n"]:
    """Largest distance in pixels, over ends of seen steps, from where the first of them begins."""
    first = points[np.arange(len(points)), seen.argmax(axis=1)].astype(np.float64)
    away = np.linalg.norm(points[:, 1:] - first[:, None], axis=-1)
    return np.where(seen, away, 0.0).max(axis=1)
