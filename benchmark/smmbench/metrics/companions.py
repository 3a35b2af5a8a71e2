"""What motion fidelity does not measure: speed, position, and the moving share of the frame."""

from __future__ import annotations

import numpy as np

from smmbench.metrics.moving import Steps


def speed_ratio(source: Steps, output: Steps) -> float:
    """Mean length of a seen step of moving tracks in the output, over that in the source.

    Returns:
        A ratio of 0 or more: 1 for the same speed, 0 if nothing in the output moves.

    Raises:
        ValueError: Nothing in the source moves.
    """
    if not source.moving.any():
        raise ValueError("Nothing in the source moves: there is no speed to compare with.")
    return _speed(output) / _speed(source)


def direction_cosine(source: Steps, output: Steps) -> float:
    """Mean cosine between simultaneous steps of tracks that begin at the same place.

    Motion fidelity uses the best match of each track anywhere; this uses the track with the same
    index. The mean is over all non-still steps of either clip, of tracks that move in either; a
    step that is still or not visible in the other clip counts 0. A frozen output therefore has 0.

    Returns:
        -1 to 1; 0 if nothing moves.

    Raises:
        ValueError: The clips differ in their number of tracks or steps.
    """
    if source.goes.shape != output.goes.shape:
        raise ValueError(
            "Tracks are compared by index: source and output need equal numbers of tracks and "
            f"steps, got {source.goes.shape} and {output.goes.shape}."
        )
    counted = (source.moving | output.moving)[:, None] & (source.goes | output.goes)
    if not counted.any():
        return 0.0
    product = np.einsum("nkc,nkc->nk", source.vectors, output.vectors)
    cosine = np.divide(
        product,
        source.lengths * output.lengths,
        out=np.zeros_like(product),
        where=source.goes & output.goes,
    )
    return float(cosine[counted].mean())


def moving_share(steps: Steps) -> float:
    """Share of tracks that move, 0 to 1; 0 without tracks."""
    return float(steps.moving.mean()) if len(steps.moving) else 0.0


def _speed(steps: Steps) -> float:
    seen = steps.seen[steps.moving]
    return float(steps.lengths[steps.moving][seen].mean()) if seen.any() else 0.0
