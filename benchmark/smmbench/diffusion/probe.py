"""A probe pass before the work, so that a wrong layer is reported before a clip is processed."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from smmbench.diffusion.backbone import Backbone
from smmbench.diffusion.denoiser import Latent, Text

FRAMES, SIDE = 3, 8
"""Size of the latent in patches; no level has as many positions as frames, so that the axes cannot
be confused."""


def small_input(backbone: Backbone) -> tuple[Latent, Text]:
    """A latent of zeros with three frames of 8x8 patches, and an empty prompt."""
    time, rows, columns = backbone.family.patch(backbone.denoiser.network)
    sides = FRAMES * time, SIDE * rows, SIDE * columns
    x = torch.zeros(1, backbone.codec.channels, *sides, device=backbone.device)
    return x, backbone.embed([""])


@torch.no_grad()
def check_features(backbone: Backbone, layers: Sequence[str]) -> None:
    """Capture the layers once.

    Raises:
        LookupError: There is no such layer, or its output is not features of frames.
    """
    x, text = small_input(backbone)
    backbone.denoiser.features(x, 0, text, layers)
    backbone.denoiser.forget()
