"""SMM with finer means: over the cells of a grid instead of the whole frame."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from typing_extensions import Doc

from smmbench import smm
from smmbench.diffusion.parameters import BACKBONES, SEARCHED
from smmbench.method import Card
from smmbench.method.search_space import Choices, Space


@dataclass(frozen=True)
class Parameters(smm.Parameters):
    """Parameters of SMM; only the grid differs."""

    grid: Annotated[int, Doc("Average over a grid x grid of cells; 1 is SMM itself.")] = 2


class SMMGrid(smm.SMM):
    """SMM with means over the cells of a grid."""

    Parameters = Parameters
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        **smm.SMM.presets,
        "emoji": {**smm.SMM.presets["emoji"], "grid": 4, "guided_to": 0.74},
    }
    search: ClassVar[Mapping[str, Space]] = {**smm.SMM.search, "grid": Choices(2, 3, 4)}
    card = Card(
        title="SMM with means over cells",
        kind="baseline",
        paper="a variant of Yatim et al., CVPR 2024, https://arxiv.org/abs/2311.17009",
        licence="Apache-2.0",
        notes=(
            "Our own variant: a mean over the whole frame does not encode where something is, "
            "but means over cells do. With as many cells as positions it would compare full "
            "features, which also keeps the source's appearance."
        ),
        backbone=BACKBONES,
        values="those of SMM, and a grid of 2x2; emoji: 4x4",
        tuned=SEARCHED,
    )
