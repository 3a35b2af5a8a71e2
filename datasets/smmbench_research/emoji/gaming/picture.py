"""Draw the outputs that adaptive attacks found below their sources."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import UInt8
from PIL import Image

from smmbench.storage.atomic import atomic_path
from smmbench_research.emoji.gaming.adaptive import ATTACKS
from smmbench_research.emoji.gaming.measuring import Bench, stills_of

SHOWN = 5  # frames of a clip
GAP = 8  # white pixels below a clip

Strip = UInt8[np.ndarray, "rows columns 3"]


def write(path: Path, root: Path, dataset: str, rows: pd.DataFrame, clips: int) -> None:
    """Write a JPEG: for each clip a strip of the source, then one for each attack.

    Args:
        path: File of the image.
        root: The results folder that has the stills.
        dataset: Name of the dataset.
        rows: Results of the searches.
        clips: Maximum number of clips, in the order of the rows.
    """
    picture = np.concatenate(list(_strips(root, dataset, rows, clips)))
    with atomic_path(path) as temporary:
        Image.fromarray(picture).save(temporary, quality=85)


def _strips(root: Path, dataset: str, rows: pd.DataFrame, clips: int) -> Iterator[Strip]:
    bench, stills = Bench(dataset), stills_of(root, dataset)
    builders = {attack.name: attack for attack in ATTACKS}
    for clip in rows["clip"].unique()[:clips]:
        source = bench.source(clip)[0].frames
        yield _strip(source)
        for found in rows[rows["clip"] == clip].to_dict("records"):
            attack = builders[found["label"]]
            settings = {name: float(found[name]) for name in attack.ranges}
            yield _strip(attack.build(source, stills[clip, found["edit"]], settings))
        yield np.full((GAP, SHOWN * source.shape[2], 3), 255, np.uint8)


def _strip(frames: UInt8[np.ndarray, "time height width 3"]) -> Strip:
    chosen = np.linspace(0, len(frames) - 1, SHOWN).round().astype(int)
    return np.concatenate(list(frames[chosen]), axis=1)
