"""How far a clip is from itself after inversion and sampling, against the inversion's cost.

    python benchmark/perf/inversion_error.py --clips 4 --device cpu

Clips of the set `emoji` on the embedded model, with its captions, in float32: encoded, inverted in
so many steps with so many refinements of each, and sampled back without guidance by 50 DDIM steps.
The error is the root mean square of the latents' difference over that of the clip's latent, and
the peak signal-to-noise ratio of the decoded frames to the decoded clip. Prints a Markdown table
and draws `benchmark/docs/inversion-error.png`.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch

from smmbench.dataset import load_dataset, source_video
from smmbench.diffusion.backbone import Backbone, load_backbone
from smmbench.diffusion.denoiser import Latent, Text
from smmbench.diffusion.inversion import Solver, inversion_timesteps, invert
from smmbench.diffusion.method import stack_frames
from smmbench.diffusion.sampling import sample
from smmbench.diffusion.schedule import Prediction, Timestep
from smmbench.environment import choose_device

SAMPLING = 50
SETTINGS = ((50, 0), (50, 1), (50, 2), (100, 0), (250, 0), (500, 0), (999, 0))
PICTURE = Path(__file__).parents[1] / "docs" / "inversion-error.png"


@dataclass(frozen=True)
class Error:
    """What one setting costs and loses, mean over clips.

    Attributes:
        steps: Of the inversion, as asked for.
        refinements: Of each.
        passes: Of the network, with the sampling's own timesteps.
        latent: Root mean square of the difference, over that of the latent.
        psnr: In decibels, between decoded frames.
    """

    steps: int
    refinements: int
    passes: int
    latent: float
    psnr: float


@torch.no_grad()
def measure(
    backbone: Backbone,
    frames: np.ndarray,
    prompts: list[str],
    steps: int,
    refinements: int,
    solver: Solver = "first-order",
) -> Error:
    """Invert clips (clip, time, height, width, RGB) and sample them back, all in one batch."""
    schedule = backbone.schedule
    sampling = schedule.timesteps(SAMPLING)
    way = inversion_timesteps(schedule, steps, sampling)
    clean, text = backbone.encode(frames), backbone.embed(prompts)
    found = invert(backbone.denoiser, clean, text, way, sampling, refinements, solver)
    # Methods start sampling from the latent at the first sampling timestep.
    back = sample(schedule, partial(_predict, backbone, text), found[sampling[0]], sampling)
    lost = (back - clean).flatten(1).norm(dim=1) / clean.flatten(1).norm(dim=1)
    a, b = (backbone.decode(x).astype(float) for x in (back, clean))
    squares = ((a - b) ** 2).mean(axis=(1, 2, 3, 4))
    return Error(
        steps,
        refinements,
        len(way) * (2 if solver == "rf-solver" else 1 + refinements),
        float(lost.mean()),
        float(np.mean(10 * np.log10(255**2 / squares.clip(1e-3)))),
    )


def _predict(backbone: Backbone, text: Text, x: Latent, t: Timestep) -> Prediction:
    return backbone.denoiser.predict(x, t, text)


def draw(errors: list[Error], to: Path) -> None:
    """Error against passes of the network, one line for each number of refinements."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(5.5, 3.5), layout="constrained")
    plain = [e for e in errors if not e.refinements]
    refined = [e for e in errors if e.steps == SAMPLING]
    for line, label in ((plain, "more steps"), (refined, f"{SAMPLING} steps, refined")):
        axes.loglog([e.passes for e in line], [e.latent for e in line], "o-", label=label)
    axes.set(xlabel="forward passes of the inversion", ylabel="relative error of the latent")
    axes.legend(frameon=False)
    figure.savefig(to, dpi=150)
    plt.close(figure)


def main() -> None:
    """Measure, print and draw."""
    parser = argparse.ArgumentParser(description="Error of inversion against its steps.")
    parser.add_argument("--clips", type=int, default=4)
    parser.add_argument("--model", default="emoji", help="Name, folder or hub id.")
    parser.add_argument("--dataset", default="emoji")
    parser.add_argument(
        "--rf",
        nargs="*",
        type=int,
        default=[],
        help="Steps of RF-Solver, for flow-matching models.",
    )
    parser.add_argument("--device", default="auto")
    parser.add_argument(
        "--settings", nargs="+", default=[f"{s}x{r}" for s, r in SETTINGS], help="STEPSxREFINEMENTS"
    )
    parser.add_argument("--picture", type=Path, default=PICTURE)
    asked = parser.parse_args()
    backbone = load_backbone(asked.model, device=choose_device(asked.device))
    dataset = load_dataset(asked.dataset)
    clips = dataset.manifest.clips[: asked.clips]
    frames = stack_frames([source_video(dataset, clip) for clip in clips])
    prompts = [clip.prompt for clip in clips]
    print("| steps | refinements | passes | error of the latent | PSNR (dB) |")
    print("|--:|--:|--:|--:|--:|", flush=True)
    errors = []
    for setting in asked.settings:
        steps, _, refinements = setting.partition("x")
        error = measure(backbone, frames, prompts, int(steps), int(refinements or 0))
        errors.append(error)
        print(
            f"| {error.steps} | {error.refinements} | {error.passes} | {error.latent:.4f} | "
            f"{error.psnr:.1f} |",
            flush=True,
        )
    for steps in asked.rf:
        error = measure(backbone, frames, prompts, steps, 0, "rf-solver")
        print(
            f"| {error.steps} | rf-solver | {error.passes} | {error.latent:.4f} | "
            f"{error.psnr:.1f} |",
            flush=True,
        )
    draw(errors, asked.picture)


if __name__ == "__main__":
    main()
