"""A control: the clip is encoded and decoded by the backbone's autoencoder, without diffusion.

Its motion fidelity is the highest that a method on this backbone can reach.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from smmbench.diffusion.method import DiffusionMethod, Prepared, one_by_one, timings, together
from smmbench.diffusion.parameters import BACKBONES, EMOJI, DiffusionParameters
from smmbench.diffusion.support import EVERYWHERE
from smmbench.method import Card, Source
from smmbench.video import Video


class VAERoundTrip(DiffusionMethod[DiffusionParameters, Prepared]):
    """Encodes and decodes; prompt and seed make no difference."""

    Parameters = DiffusionParameters
    presets: ClassVar[dict[str, dict[str, Any]]] = {"emoji": EMOJI}
    deterministic = True
    families = EVERYWHERE
    card = Card(
        title="Autoencoder round trip",
        kind="control",
        licence="Apache-2.0",
        notes="Of the diffusion parameters only model, revision and dtype matter.",
        backbone=BACKBONES,
        values="not relevant",
        tuned="nothing to tune",
    )

    def prepare_batch(self, sources: Sequence[Source]) -> list[Prepared]:
        """Encode the clips."""
        return one_by_one(self.encode(sources), sources)

    def transfer_batch(
        self, prepared: Sequence[Prepared], prompts: Sequence[str], seeds: Sequence[int]
    ) -> list[Video]:
        """Decode the latents."""
        return self.videos(together(prepared), timings(prepared))
