"""Check for NaN and infinity, so that an error names the stage where they arose."""

from __future__ import annotations

from torch import Tensor


def check_finite(x: Tensor, stage: str) -> None:
    """Refuse NaN and infinity.

    Raises:
        FloatingPointError: A value is not finite; the message names the stage and a remedy.
    """
    if not x.isfinite().all():
        raise FloatingPointError(
            f"NaN or infinity in {stage} ({x.dtype}); try a wider type (dtype=float32 or bfloat16) "
            "or a smaller step."
        )
