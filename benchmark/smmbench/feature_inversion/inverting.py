"""Feature inversion: reconstruct videos from a clip's features, to show what these encode.

This is the analysis of section 4 of Yatim et al. (CVPR 2024): a video is sampled from noise,
without a prompt, while its features are guided towards the original's: all of them over space and
time, their spatial means (SMM), or the differences of these means. Whatever is recovered from every
start is encoded in the features; whatever changes with the start is not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import get_args

import numpy as np
import torch

from smmbench.diffusion.denoiser import Features, Latent
from smmbench.diffusion.method import stack_frames
from smmbench.diffusion.noise import generators, noise
from smmbench.method import Source
from smmbench.method.parameters import build_parameters
from smmbench.plugins import no_such
from smmbench.smm import SMM, Kind, Parameters, compare, describe, layers_of
from smmbench.video import Video

KINDS: tuple[Kind, ...] = get_args(Kind)[::-1]  # from all of the features to their least
NONE = "none"  # the control: the same start and sampling, and nothing is pulled

ANALYSIS = (
    "start=random",
    "guided_to=0",  # every step is pulled, the clean ones too
    "restart=false",
    "guidance=1",  # there is no prompt to follow
    "inversion_prompt=false",
    "prompt_prefix=",
    "negative_prompt=",
    "distance=l2",  # the paper's equation; the cosine would leave lengths free
    "steps=8",
    "inversion_steps=8",
    "iterations=5",
    "rates=0.15,0.075",
)
"""Changes of the analysis to a preset of SMM; the user's settings override them."""


@dataclass(frozen=True, eq=False)
class Inverted:
    """One video, and how far it is from the original.

    Attributes:
        features: The guided features: one of `KINDS`, or `NONE`.
        seed: Seed of the initial noise.
        video: The reconstruction.
        rms: Root mean square of the pixels' difference, in grey levels of 255.
        psnr: Peak signal-to-noise ratio of the pixels in decibels; infinite for the same pixels.
        distances: Distance of each kind's features; see `feature_distances`.
    """

    features: str
    seed: int
    video: Video
    rms: float
    psnr: float
    distances: dict[str, float]


def checked_kinds(names: Sequence[str]) -> tuple[Kind, ...]:
    """Return kinds by name, each once; without a name, all of them.

    Raises:
        LookupError: There is no such kind; the message lists the existing ones.
    """
    for name in names:
        if name not in KINDS:
            raise LookupError(no_such("kind of features", name, KINDS))
    return tuple(kind for kind in KINDS if kind in names or not names)


def analysis_parameters(preset: str | None, settings: Sequence[str] = ()) -> Parameters:
    """Build SMM's parameters for the analysis: a preset, `ANALYSIS`, then settings `name=value`.

    Raises:
        LookupError, ValueError: As `build_parameters`.
    """
    parameters: Parameters = build_parameters(SMM, preset, (*ANALYSIS, *settings))
    return parameters


def pixel_distance(a: Video, b: Video) -> tuple[float, float]:
    """RMS in grey levels, 0 to 255, and PSNR in decibels; infinite for the same pixels."""
    difference = a.frames.astype(np.float64) - b.frames
    rms = float(np.sqrt(np.mean(difference**2)))
    return rms, float(20 * np.log10(255 / rms)) if rms else float("inf")


def relative_distances(features: Features, reference: Features, grid: int = 1) -> dict[str, float]:
    """Distance of each kind's descriptors over the reference's length, the layers' mean.

    Returns:
        |a - b| / |b| in the Euclidean norm: 0 for the same features, 1 for features that are
        zero. A reference of length zero (differences of a still clip) is taken as the smallest
        positive number, so that any difference is huge.
    """
    found: dict[str, float] = {}
    for kind in KINDS:
        ratios = []
        for layer, f in features.items():
            ours, theirs = describe(f, kind, grid), describe(reference[layer], kind, grid)
            length = theirs.square().sum().clamp_min(torch.finfo(theirs.dtype).tiny)
            ratios.append(float((compare(ours, theirs, "l2").sum() / length).sqrt()))
        found[kind] = float(np.mean(ratios))
    return found


@torch.no_grad()
def latent_distances(method: SMM, clean: Latent, original: Latent) -> dict[str, float]:
    """Return `relative_distances` of two clean latents, both noised alike to half of T."""
    denoiser, schedule = method.backbone.denoiser, method.backbone.schedule
    t, text = schedule.length // 2, method.embed([""])
    eps = noise(original, generators([0]))
    layers = layers_of(denoiser, method.parameters)
    ours, theirs = (
        denoiser.features(schedule.mu(t) * x + schedule.sigma(t) * eps, t, text, layers)
        for x in (clean, original)
    )
    return relative_distances(ours, theirs, method.parameters.grid)


def feature_distances(method: SMM, video: Video, original: Video) -> dict[str, float]:
    """Return `latent_distances` of two videos of the same shape, as the model encodes them."""
    encode = method.backbone.encode
    return latent_distances(method, encode(stack_frames([video])), encode(stack_frames([original])))


def invert_features(
    parameters: Parameters,
    device: str,
    name: str,
    original: Video,
    kinds: Sequence[Kind] = KINDS,
    seeds: Sequence[int] = (0, 1),
) -> Iterator[Inverted]:
    """Sample videos whose features are guided towards the original's, and an unguided control.

    Args:
        parameters: Parameters from `analysis_parameters`; their `features` are ignored.
        device: The device to compute on.
        name: Name of the clip.
        original: The clip, in a size that the model accepts.
        kinds: The kinds of features to guide.
        seeds: Seeds of the initial noise, which is the same for all kinds.

    Yields:
        For each seed the control, then each kind.

    Raises:
        FloatingPointError: Loss or gradient is not finite because the learning rate is too large.
    """
    first = SMM(parameters, device)
    prepared = first.prepare(Source(name, original, "", lambda: original))
    methods: dict[str, SMM] = {NONE: SMM(replace(parameters, iterations=0), device, first.backbone)}
    for kind in kinds:
        methods[kind] = SMM(replace(parameters, features=kind), device, first.backbone)
    for seed in seeds:
        for pulled, method in methods.items():
            video = method.transfer(prepared, "", seed)
            rms, psnr = pixel_distance(video, original)
            distances = feature_distances(first, video, original)
            yield Inverted(pulled, seed, video, rms, psnr, distances)
