"""One small pass before the work, so that a wrong layer is told before a clip is spent on it."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from smmbench.diffusion.backbone import Backbone
from smmbench.diffusion.denoiser import Latent, Text

FRAMES, SIDE = 3, 8
"""Of the latent, in patches: as many frames as no level has places, so that neither is taken for
the other."""


def small_input(backbone: Backbone) -> tuple[Latent, Text]:
    """A latent of nothing in three frames of 8x8 patches, and an empty prompt."""
    time, rows, columns = backbone.family.patch(backbone.denoiser.network)
    sides = FRAMES * time, SIDE * rows, SIDE * columns
    x = torch.zeros(1, backbone.codec.channels, *sides, device=backbone.device)
    return x, backbone.embed([""])


@torch.no_grad()
def check_features(backbone: Backbone, layers: Sequence[str]) -> None:
    """Look at layers once.

    Raises:
        LookupError: There is no such layer, or it gives no features of frames.
    """
    x, text = small_input(backbone)
    backbone.denoiser.features(x, 0, text, layers)
    backbone.denoiser.forget()
