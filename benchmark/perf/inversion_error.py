"""Error of a clip after inversion and sampling, against the cost of the inversion.

    python benchmark/perf/inversion_error.py --clips 4 --device cpu
    python benchmark/perf/inversion_error.py --model emoji-wan --dataset emoji-wan-val --rf 25

Clips of a dataset on its embedded model, with their captions, in float32: they are encoded,
inverted with several numbers of steps and refinements, and sampled back without guidance by 50 DDIM
or Euler steps. Flows are also inverted by RF-Solver (`--rf`), and sampled back both by Euler and by
RF-Solver steps. The error is the root mean square of the latents' difference over that of the
clip's latent, and the peak signal-to-noise ratio of the decoded frames to the decoded clip. Prints
a Markdown table and draws a figure (`--picture`).
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
from smmbench.diffusion.inversion import inversion_timesteps, invert, second_order_step
from smmbench.diffusion.method import stack_frames
from smmbench.diffusion.sampling import sample
from smmbench.diffusion.sampling import steps as pairs
from smmbench.diffusion.schedule import Prediction, Timestep
from smmbench.environment import choose_device

SAMPLING = 50
SETTINGS = ((50, 0), (50, 1), (50, 2), (100, 0), (250, 0), (500, 0), (999, 0))
PICTURE = Path(__file__).parents[1] / "docs" / "inversion-error.png"


@dataclass(frozen=True)
class Error:
    """Cost and error of one setting, averaged over clips.

    Attributes:
        inversion: Its steps and their kind, in words.
        sampling: The same for sampling back.
        passes: Passes of the network in the inversion.
        back: Passes of the network in sampling.
        refined: Whether the inversion was refined.
        latent: Root mean square of the difference, over that of the latent.
        psnr: In decibels, between decoded frames.
    """

    inversion: str
    sampling: str
    passes: int
    back: int
    refined: bool
    latent: float
    psnr: float


@dataclass(frozen=True, eq=False)
class Clips:
    """The inverted clips: encoded, their captions, and decoded again from the encoding."""

    backbone: Backbone
    clean: Latent
    text: Text
    decoded: np.ndarray

    @classmethod
    @torch.no_grad()
    def of(cls, backbone: Backbone, frames: np.ndarray, prompts: list[str]) -> Clips:
        """Encode clips (clip, time, height, width, RGB), all in one batch."""
        clean = backbone.encode(frames)
        return cls(backbone, clean, backbone.embed(prompts), backbone.decode(clean).astype(float))

    def error(self, back: Latent) -> tuple[float, float]:
        """Relative error of the latent, and PSNR in decibels."""
        lost = (back - self.clean).flatten(1).norm(dim=1) / self.clean.flatten(1).norm(dim=1)
        decoded = self.backbone.decode(back).astype(float)
        squares = ((decoded - self.decoded) ** 2).mean(axis=(1, 2, 3, 4))
        psnr = np.mean(10 * np.log10(255**2 / squares.clip(1e-3)))
        return float(lost.mean()), float(psnr)


@torch.no_grad()
def first_order(clips: Clips, steps: int, refinements: int) -> Error:
    """Invert and sample back by DDIM or Euler steps."""
    backbone, schedule = clips.backbone, clips.backbone.schedule
    sampling = schedule.timesteps(SAMPLING)
    way = inversion_timesteps(schedule, steps, sampling)
    found = invert(backbone.denoiser, clips.clean, clips.text, way, sampling, refinements)
    # Methods start sampling from the latent at the first sampling timestep.
    predict = partial(_predict, backbone, clips.text)
    back = sample(schedule, predict, found[sampling[0]], sampling)
    name = f"{steps} steps" + (f", refined {refinements} times" if refinements else "")
    passes = len(way) * (1 + refinements)
    return Error(name, f"{SAMPLING} steps", passes, SAMPLING, refinements > 0, *clips.error(back))


@torch.no_grad()
def second_order(clips: Clips, steps: int) -> list[Error]:
    """Invert by RF-Solver, then sample back by Euler steps, and by RF-Solver's own."""
    backbone, text = clips.backbone, clips.text
    schedule, denoiser = backbone.schedule, backbone.denoiser
    timesteps = schedule.timesteps(steps)
    way = tuple(reversed(timesteps))
    found = invert(denoiser, clips.clean, text, way, timesteps, solver="rf-solver")
    start = found[timesteps[0]]
    euler = sample(schedule, partial(_predict, backbone, text), start, schedule.timesteps(SAMPLING))
    own = start
    for t, to in pairs(timesteps):
        own = second_order_step(denoiser, own, text, t, to)
    name = f"{steps} steps of RF-Solver"
    return [
        Error(name, f"{SAMPLING} steps", 2 * steps, SAMPLING, False, *clips.error(euler)),
        Error(name, name, 2 * steps, 2 * steps, False, *clips.error(own)),
    ]


def _predict(backbone: Backbone, text: Text, x: Latent, t: Timestep) -> Prediction:
    return backbone.denoiser.predict(x, t, text)


def draw(errors: list[Error], to: Path) -> None:
    """Plot the error against passes of the network, with one line per number of refinements."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(5.5, 3.5), layout="constrained")
    solver = [e for e in errors if e.sampling == e.inversion]
    plain = [e for e in errors if not e.refined and e.back == SAMPLING and "RF" not in e.inversion]
    refined = plain[:1] + [e for e in errors if e.refined]
    lines = (plain, "more steps"), (refined, "refined"), (solver, "RF-Solver both ways")
    for line, label in lines:
        if not line:
            continue
        axes.loglog([e.passes for e in line], [e.latent for e in line], "o-", label=label)
    axes.set(xlabel="forward passes of the inversion", ylabel="relative error of the latent")
    axes.legend(frameon=False)
    figure.savefig(to, dpi=150)
    plt.close(figure)


def main() -> None:
    """Measure, print and plot."""
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
    prepared = Clips.of(backbone, frames, [clip.prompt for clip in clips])
    print("| inversion | passes | sampling | passes | error of the latent | PSNR (dB) |")
    print("|---|--:|---|--:|--:|--:|", flush=True)
    errors: list[Error] = []

    def add(*found: Error) -> None:
        for e in found:
            errors.append(e)
            print(
                f"| {e.inversion} | {e.passes} | {e.sampling} | {e.back} | {e.latent:.4f} | "
                f"{e.psnr:.1f} |",
                flush=True,
            )

    for setting in asked.settings:
        steps, _, refinements = setting.partition("x")
        add(first_order(prepared, int(steps), int(refinements or 0)))
    for steps in asked.rf:
        add(*second_order(prepared, int(steps)))
    draw(errors, asked.picture)


if __name__ == "__main__":
    main()
