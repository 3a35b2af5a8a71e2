"""Outputs that a metric may mistake for transfers: families of constructions in several strengths.

Each construction takes a source and a still image of the prompt, and returns a clip of the source's
form. Thresholds are also chosen without an entire family, so a family contains all variants of one
idea.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

from smmbench_baselines.on_a_still import carried, object_mask, warped

Clip = UInt8[np.ndarray, "time height width 3"]
Picture = UInt8[np.ndarray, "height width 3"]
Plane = Float32[np.ndarray, "height width"]
Construction = Callable[[Clip, Picture], Clip]


def texture(source: Clip, still: Picture, levels: float, smooth: float = 0.0) -> Clip:
    """Noise of some levels over the still, carried by the source's flow; coarse where smooth."""
    noise: Plane = np.random.default_rng(0).normal(size=still.shape[:2]).astype(np.float32)
    if smooth:
        noise = np.asarray(cv2.GaussianBlur(noise, (0, 0), smooth), dtype=np.float32)
        noise = noise / noise.std()
    return to_levels(still + carried(levels * noise, source)[..., None])


def dots(source: Clip, still: Picture, levels: float, share: float, size: int) -> Clip:
    """Sparse squares over the still, darker where it is bright, carried by the source's flow."""
    there: Plane = (np.random.default_rng(0).random(still.shape[:2]) < share).astype(np.float32)
    there = np.asarray(cv2.dilate(there, np.ones((size, size), np.uint8)), dtype=np.float32)
    away = np.where(still.mean(axis=-1, keepdims=True) > 128, -levels, levels)
    return to_levels(still + carried(there, source)[..., None] * away)


def overlay(source: Clip, still: Picture, share: float) -> Clip:
    """The source mixed into the still."""
    return to_levels((1 - share) * still + share * source.astype(np.float32))


def residual(source: Clip, still: Picture, gain: float) -> Clip:
    """The source's departure from its median frame, added to the still."""
    return to_levels(still + gain * (source - np.median(source, axis=0)))


def edges(source: Clip, still: Picture, gain: float) -> Clip:
    """The high frequencies that a blur removes from the source, added to the still."""
    floats = source.astype(np.float32)
    smooth = np.stack([cv2.GaussianBlur(frame, (0, 0), 2) for frame in floats])
    return to_levels(still + gain * (floats - smooth))


def inset(source: Clip, still: Picture, scale: float) -> Clip:
    """The source, made smaller, in a corner of the still."""
    height, width = still.shape[:2]
    rows, columns = int(height * scale), int(width * scale)
    result = np.repeat(still[None], len(source), axis=0)
    for shown, frame in zip(result, source, strict=True):
        small = cv2.resize(frame, (columns, rows), interpolation=cv2.INTER_AREA)
        shown[height - rows :, width - columns :] = small
    return result


def one_pixel(source: Clip, still: Picture) -> Clip:
    """The source with one value changed by one level."""
    result = source.copy()
    result[0, 0, 0, 0] ^= 1
    return result


def hue(source: Clip, still: Picture) -> Clip:
    """The source with every hue turned by a third of the circle."""

    def turned(frame: Picture) -> Picture:
        hsv = cv2.cvtColor(frame, cv2.COLOR_RGB2HSV)
        hsv[..., 0] = (hsv[..., 0].astype(int) + 60) % 180
        return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)

    return np.stack([turned(frame) for frame in source])


def gamma(source: Clip, still: Picture) -> Clip:
    """The source, brighter."""
    return to_levels(255 * (source / 255.0) ** 0.7)


def shifted(source: Clip, still: Picture) -> Clip:
    """The source moved by two pixels."""
    return np.roll(source, (2, 2), axis=(1, 2))


def noisy(source: Clip, still: Picture) -> Clip:
    """The source with noise of 6 levels."""
    return to_levels(source + np.random.default_rng(0).normal(size=source.shape) * 6)


def blurred(source: Clip, still: Picture) -> Clip:
    """The source, blurred."""
    return np.stack([cv2.GaussianBlur(frame, (0, 0), 1.5) for frame in source])


def mapped(source: Clip, still: Picture, size: float = 1.0, turn: float = 0.0) -> Clip:
    """The source larger or smaller, and turned by some degrees, about its centre."""
    height, width = source.shape[1:3]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), turn, size)
    edge = cv2.BORDER_REPLICATE
    return np.stack([cv2.warpAffine(f, matrix, (width, height), borderMode=edge) for f in source])


def delayed(source: Clip, still: Picture, frames: int) -> Clip:
    """The source some frames late."""
    return source[np.maximum(np.arange(len(source)) - frames, 0)]


def turned(source: Clip, still: Picture, axes: tuple[int, ...]) -> Clip:
    """The source with some of time, rows and columns reversed."""
    return np.ascontiguousarray(np.flip(source, axes))


def elsewhere(source: Clip, still: Picture, down: int, right: int, share: float = 1.0) -> Clip:
    """The source moved by some pixels, wrapping around; over the still if fainter."""
    return overlay(np.roll(source, (down, right), axis=(1, 2)), still, share)


def pasted(source: Clip, still: Picture) -> Clip:
    """The source's object over the still."""
    mask = object_mask(source)
    return to_levels(mask * source + (1 - mask) * still)


def silhouette(source: Clip, still: Picture, levels: float) -> Clip:
    """The still, darker or brighter where the source's object is."""
    return to_levels(still + object_mask(source) * (-levels if still.mean() > 128 else levels))


def object_flow(source: Clip, still: Picture) -> Clip:
    """The still carried by the source's flow where the source's object is, frozen elsewhere."""
    mask = object_mask(source)
    return to_levels(mask * warped(source, still) + (1 - mask) * still)


def hybrid(source: Clip, still: Picture, spread: float) -> Clip:
    """Low frequencies of the source, high ones of the still."""
    low, blurred_still = (
        np.stack([cv2.GaussianBlur(frame.astype(np.float32), (0, 0), spread) for frame in clip])
        for clip in (source, still[None])
    )
    return to_levels(low + still - blurred_still)


def coarse(source: Clip, still: Picture, blocks: int) -> Clip:
    """The source in few large pixels."""
    height, width = source.shape[1:3]
    small = [cv2.resize(f, (blocks, blocks), interpolation=cv2.INTER_AREA) for f in source]
    nearest = cv2.INTER_NEAREST
    return np.stack([cv2.resize(f, (width, height), interpolation=nearest) for f in small])


def palette(source: Clip, still: Picture) -> Clip:
    """Every brightness of the source as another colour, by a random table of nine."""
    table = np.random.default_rng(0).integers(0, 256, (9, 3))
    grey = np.stack([cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in source]) / 32.0
    channels = [np.interp(grey, np.arange(9), table[:, channel]) for channel in range(3)]
    return to_levels(np.stack(channels, axis=-1))


def checkered(source: Clip, still: Picture, side: int) -> Clip:
    """Squares of the source and of the still, by turns."""
    y, x = np.mgrid[: still.shape[0], : still.shape[1]]
    ours = ((y // side + x // side) % 2)[..., None].astype(bool)
    return np.where(ours, source, still)


def to_levels(values: Float32[np.ndarray, "*shape"] | np.ndarray) -> Clip:
    """Round and clip to 8 bits."""
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


FAMILIES: Mapping[str, Mapping[str, Construction]] = {
    "texture": {
        **{f"texture-{v:g}": partial(texture, levels=v) for v in (1.5, 3, 6, 12, 25)},
        **{f"coarse-texture-{v}": partial(texture, levels=v, smooth=2) for v in (3, 8, 16)},
    },
    "dots": {
        "dots-1": partial(dots, levels=80, share=0.01, size=1),
        "dots-3": partial(dots, levels=60, share=0.005, size=3),
        "dots-6": partial(dots, levels=40, share=0.002, size=6),
    },
    "overlay": {
        **{f"overlay-{v:g}": partial(overlay, share=v) for v in (0.04, 0.08, 0.15, 0.25, 0.4)},
        **{f"residual-{v:g}": partial(residual, gain=v) for v in (0.08, 0.2, 0.4, 1.0)},
        **{f"edges-{v:g}": partial(edges, gain=v) for v in (0.1, 0.3, 1.0)},
    },
    "copy": {
        **{"one-pixel": one_pixel, "hue": hue, "gamma": gamma},
        **{"shifted": shifted, "noisy": noisy, "blurred": blurred},
    },
    "inset": {f"inset-{v:g}": partial(inset, scale=v) for v in (0.35, 0.5, 0.7)},
    "warp": {"warp": warped, "object-flow": object_flow},
    "moved": {
        **{f"delayed-{n}": partial(delayed, frames=n) for n in (1, 2, 4)},
        "mirrored": partial(turned, axes=(2,)),
        "mirrored-reversed": partial(turned, axes=(0, 2)),
        "turned-reversed": partial(turned, axes=(0, 1, 2)),
        "moved-16": partial(elsewhere, down=16, right=16),
        "moved-40": partial(elsewhere, down=0, right=40),
        **{f"size-{v:g}": partial(mapped, size=v) for v in (0.8, 1.3, 2.0)},
        **{f"turned-{v}": partial(mapped, turn=v) for v in (10, 25)},
        "moved-overlay-0.3": partial(elsewhere, down=16, right=16, share=0.3),
    },
    "redrawn": {
        **{f"coarse-{n}": partial(coarse, blocks=n) for n in (16, 32)},
        "palette": palette,
    },
    "mixed": {
        **{f"hybrid-{v}": partial(hybrid, spread=v) for v in (2, 4, 8)},
        "checkered-8": partial(checkered, side=8),
        "pasted-object": pasted,
        "silhouette-60": partial(silhouette, levels=60),
    },
}
