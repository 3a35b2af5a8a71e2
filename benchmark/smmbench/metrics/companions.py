"""What motion fidelity does not see: how fast, where, and how much of the frame moves."""

from __future__ import annotations

import numpy as np

from smmbench.metrics.moving import Steps


def speed_ratio(source: Steps, output: Steps) -> float:
    """Mean length of a seen step of moving tracks in the output, over that in the source.

    Returns:
        0 or more, 1 for the same speed; 0 if nothing in the output moves.

    Raises:
        ValueError: Nothing in the source moves.
    """
    if not source.moving.any():
        raise ValueError("Nothing in the source moves: there is no speed to compare with.")
    return _speed(output) / _speed(source)


def direction_cosine(source: Steps, output: Steps) -> float:
    """Mean cosine between steps at the same time of tracks that begin at the same place.

    Motion fidelity takes for each track the best match anywhere; this takes the track of the same
    index. The mean is over all steps of tracks that move in either clip; a step that is still in
    both agrees (1), one that is still or unseen in one of them counts 0.

    Returns:
        -1 to 1; 0 if nothing moves.

    Raises:
        ValueError: The clips have not the same number of tracks or of steps.
    """
    if source.goes.shape != output.goes.shape:
        raise ValueError(
            "Tracks are compared by their index: source and output need as many, over as many "
            f"steps, got {source.goes.shape} and {output.goes.shape}."
        )
    counted = source.moving | output.moving
    if not counted.any():
        return 0.0
    both = (source.goes & output.goes)[counted]
    rest = (source.seen & output.seen & ~source.goes & ~output.goes)[counted]
    product = np.einsum("nkc,nkc->nk", source.vectors[counted], output.vectors[counted])
    lengths = source.lengths[counted] * output.lengths[counted]
    cosine = np.divide(product, lengths, out=rest.astype(np.float64), where=both)
    return float(cosine.mean())


def moving_share(steps: Steps) -> float:
    """Share of tracks that move, 0 to 1; 0 without tracks."""
    return float(steps.moving.mean()) if len(steps.moving) else 0.0


def _speed(steps: Steps) -> float:
    seen = steps.seen[steps.moving]
    return float(steps.lengths[steps.moving][seen].mean()) if seen.any() else 0.0
