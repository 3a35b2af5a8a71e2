"""MyMethod: what it does, in one sentence. Here, it tints the clip by the prompt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar
from zlib import crc32

import numpy as np
from typing_extensions import Doc

from smmbench.method import Card, Method, Source
from smmbench.search import Range, Space
from smmbench.video import Video


@dataclass(frozen=True)
class Parameters:
    """Every parameter has a type, a default and a description; `--set strength=0.8` is checked."""

    strength: Annotated[float, Doc("Strength of the colour: 0 is the clip, 1 the colour.")] = 0.5
    noise: Annotated[float, Doc("Standard deviation of the noise, in grey levels of 255.")] = 4.0


class MyMethod(Method[Parameters, Video]):
    """Replace this with your method; `smmbench methods check` tests what it must fulfil."""

    Parameters = Parameters
    presets: ClassVar[dict[str, dict[str, Any]]] = {"emoji": {"strength": 0.4}}
    search: ClassVar[dict[str, Space]] = {
        "strength": Range(0.1, 0.9)
    }  # what `smmbench tune` may change
    card = Card(
        title="MyMethod",
        kind="method",  # an anchor that ignores the prompt is a "control"
        paper="",
        code="",
        licence="MIT",
        authors="",  # these three and `paper` or `code` are needed by `smmbench submit`
        contact="",
        seen="",  # which clips of the test set it has seen; "none" if none
        notes="What was changed from the original, and why.",
    )

    def prepare(self, source: Source) -> Video:
        """Prepare a clip once for all its prompts and seeds: inversion, tuning."""
        return source.video  # its frames are uint8 (time, height, width, 3), RGB; never write to it

    def transfer(self, prepared: Video, prompt: str, seed: int) -> Video:
        """Generate the video of one prompt and seed; compute on `self.device`."""
        parameters, rng = self.parameters, np.random.default_rng(seed)  # draw from nothing else
        colour = np.random.default_rng(crc32(prompt.encode())).integers(0, 256, 3)
        mixed = (1 - parameters.strength) * prepared.frames + parameters.strength * colour
        mixed += rng.normal(0, parameters.noise, mixed.shape)
        return Video(np.clip(mixed, 0, 255).astype(np.uint8), fps=prepared.fps)
