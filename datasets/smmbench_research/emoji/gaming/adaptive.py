"""Attacks that know the rules: they search for an output that scores and is not marked.

Three families of outputs are searched, each over a still picture of the prompt: a carried texture
of any strength and coarseness; a trace of the source whose strength changes sign over time and
whose brightness is bent, so that no one filter explains it; and a trace that is rippled, so that no
one map registers it either. The search draws settings at random, then around the best (an evolution
strategy with one parent). Nothing of a method is used.
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
        name: For the table.
        build: From source, still and settings to an output.
        ranges: Low and high end of each setting.
    """

    name: str
    build: Callable[[Clip, Picture, Settings], Clip]
    ranges: Mapping[str, tuple[float, float]]


def carried_texture(source: Clip, still: Picture, settings: Settings) -> Clip:
    """A texture of any strength and coarseness, carried by the source's flow."""
    return texture(source, still, settings["levels"], settings["smooth"])


def bent_trace(source: Clip, still: Picture, settings: Settings) -> Clip:
    """The source's change added with a strength that swings over time, and bent by a sine.

    The swing makes the trace orthogonal to the source over the clip, though from one frame to the
    next it hardly changes; the sine makes it no linear function of the source.
    """
    time = np.arange(len(source)) / len(source)
    swing = np.cos(2 * np.pi * (settings["cycles"] * time + settings["phase"]))
    change = (source - np.median(source, axis=0)) / 255.0
    bent = np.sin(settings["bend"] * change) / settings["bend"]
    return to_levels(still + 255.0 * settings["gain"] * swing[:, None, None, None] * bent)


def rippled_trace(source: Clip, still: Picture, settings: Settings) -> Clip:
    """The source's change, displaced along waves and bent by a sine, added to the still.

    Each place is displaced by its own vector, which stays over time: neither a filter that is the
    same everywhere nor an affine map gives the output, and things still move where the source's do.
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
    """The best output that no rule marks, by text similarity plus motion fidelity.

    Args:
        attack: What is searched.
        source: The source clip.
        still: A picture of the prompt.
        figures: Gives `text`, `motion` and each rule's value of an output.
        steps: Outputs that are tried; the first half at random, the rest around the best.
        seed: Of the draws.

    Returns:
        Settings and figures of the best; `unmarked` is false where every output was marked, and
        then it is the one nearest to the thresholds.
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
    """How far a value lies on the marked side; 0 on the other."""
    return max(0.0, value - rule.threshold if rule.side == "above" else rule.threshold - value)
