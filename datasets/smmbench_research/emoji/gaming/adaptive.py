"""Adaptive attacks, which know the rules and search for outputs that score without being marked.

Three families of outputs are searched, each built over a still image of the prompt: a texture of
any strength and coarseness, carried by the source's flow; a trace of the source whose strength
changes sign over time and whose brightness is bent, so that no single filter explains it; and a
rippled trace, which no single map registers either. The search draws settings at random, then
around the best (an evolution strategy with one parent). No method is used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from smmbench.marks import RULES, Rule
from smmbench_research.emoji.gaming.constructions import Clip, Picture, texture, to_levels

Settings = dict[str, float]
Figures = Mapping[str, float]


@dataclass(frozen=True)
class Attack:
    """A family of outputs with continuous settings.

    Attributes:
        name: Name in the table.
        build: Builds an output from source, still and settings.
        ranges: Lowest and highest value of each setting.
    """

    name: str
    build: Callable[[Clip, Picture, Settings], Clip]
    ranges: Mapping[str, tuple[float, float]]


def carried_texture(source: Clip, still: Picture, settings: Settings) -> Clip:
    """Carry a texture of any strength and coarseness by the source's flow."""
    return texture(source, still, settings["levels"], settings["smooth"])


def bent_trace(source: Clip, still: Picture, settings: Settings) -> Clip:
    """Add the source's change with a strength that oscillates over time, bent by a sine.

    The oscillation makes the trace orthogonal to the source over the clip, although it hardly
    changes from one frame to the next. The sine makes it a nonlinear function of the source.
    """
    time = np.arange(len(source)) / len(source)
    swing = np.cos(2 * np.pi * (settings["cycles"] * time + settings["phase"]))
    change = (source - np.median(source, axis=0)) / 255.0
    bent = np.sin(settings["bend"] * change) / settings["bend"]
    return to_levels(still + 255.0 * settings["gain"] * swing[:, None, None, None] * bent)


def rippled_trace(source: Clip, still: Picture, settings: Settings) -> Clip:
    """Add the source's change to the still, displaced along waves and bent by a sine.

    Each position has its own displacement, constant over time. Neither a uniform filter nor an
    affine map gives the output, and things still move where the source's do.
    """
    height, width = still.shape[:2]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    turns, pixels = 2 * np.pi * settings["waves"], settings["pixels"]
    from_x = (x + pixels * np.sin(turns * y / height)).astype(np.float32)
    from_y = (y + pixels * np.sin(turns * x / width)).astype(np.float32)
    edge = cv2.BORDER_REPLICATE
    rippled = np.stack(
        [cv2.remap(frame, from_x, from_y, cv2.INTER_LINEAR, borderMode=edge) for frame in source]
    )
    change = (rippled - np.median(rippled, axis=0)) / 255.0
    bent = np.sin(settings["bend"] * change) / settings["bend"]
    return to_levels(still + 255.0 * settings["gain"] * bent)


ATTACKS = (
    Attack("carried texture", carried_texture, {"levels": (2, 40), "smooth": (0, 4)}),
    Attack(
        "bent trace",
        bent_trace,
        {"gain": (0.05, 1.0), "cycles": (0, 1.0), "phase": (0, 0.5), "bend": (0.1, 6)},
    ),
    Attack(
        "rippled trace",
        rippled_trace,
        {"gain": (0.05, 1.0), "pixels": (0, 12), "waves": (0.5, 6), "bend": (0.1, 6)},
    ),
)


def search(
    attack: Attack,
    source: Clip,
    still: Picture,
    figures: Callable[[Clip], Figures],
    steps: int,
    seed: int = 0,
) -> dict[str, Any]:
    """Search for the best output that no rule marks, by text similarity plus motion fidelity.

    Args:
        attack: The attack to search.
        source: The source clip.
        still: An image of the prompt.
        figures: Returns `text`, `motion` and each rule's value for an output.
        steps: Number of outputs to try: the first half at random, the rest around the best.
        seed: Seed of the search.

    Returns:
        Settings and figures of the best output. If every output was marked, `unmarked` is false and
        the output nearest to the thresholds is returned.
    """
    rng = np.random.default_rng(seed)
    low, high = np.array(list(attack.ranges.values()), dtype=float).T
    best: dict[str, Any] = {}
    for step in range(steps):
        if step < (steps + 1) // 2 or not best:
            point = rng.uniform(low, high)
        else:
            point = best["point"] + rng.normal(size=len(low)) * 0.15 * (high - low)
        point = np.clip(point, low, high)
        settings = dict(zip(attack.ranges, point.tolist(), strict=True))
        found = figures(attack.build(source, still, settings))
        excess = sum(_excess(rule, found[rule.name]) for rule in RULES)
        worth = found["text"] + found["motion"] if excess == 0 else -2.0 - excess
        if not best or worth > best["worth"]:
            best = {"point": point, "worth": worth, "unmarked": excess == 0, **settings, **found}
    return {name: value for name, value in best.items() if name not in ("point", "worth")}


def _excess(rule: Rule, value: float) -> float:
    """Return how far a value is on the marked side of a threshold; 0 on the other side."""
    return max(0.0, value - rule.threshold if rule.side == "above" else rule.threshold - value)
