"""Measure the text-to-video model on held-out captions, and draw sheets of its videos.

    python -m smmbench_research.emoji.training.evaluate --models DIR --output DIR [--device cuda]

`DIR` holds backbone/, clip/ and judge/. The CLIP names object and scene (the nearest caption of
each to the mean frame embedding), the judge names the object too (mean logits), and the locator
follows the object. Words of motion along a line count as followed if the object moves more than
`FOLLOWED` pixels in the prompted direction; `family` is the share of clips whose path is nearest to
a true one of the prompted family, played forwards or backwards.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import open_clip
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from smmbench.diffusion.backbone import Backbone, load_backbone
from smmbench.diffusion.noise import generators, noise
from smmbench.diffusion.sampling import sample
from smmbench.diffusion.schedule import Prediction
from smmbench.storage.atomic import write_text
from smmbench_datasets.emoji.judges import load_judge, load_locator
from smmbench_datasets.emoji.motions import TRAINED
from smmbench_datasets.emoji.world import FRAMES, HEIGHT, WIDTH, World

FOLLOWED = 8.0  # pixels
WAYS = {"right": (1, 0), "left": (-1, 0), "up": (0, -1), "down": (0, 1)}
BATCH = 64  # clips at a time
KNOWN_PATHS = 4000  # true paths that a path is compared with
# Families of one form turn into each other when they are reversed or mirrored.
FORMS = {"left": "right", "down": "up", "recede": "approach"}

Videos = Float[Tensor, "clips time 3 height width"]


class Witnesses:
    """CLIP, judge and locator: what clips show, and where it is."""

    def __init__(self, models: Path, world: World) -> None:
        device = world.device
        self.judge = load_judge(device, models / "judge")
        self.locator = load_locator(device, models / "judge")
        self.clip, _, _ = open_clip.create_model_and_transforms(
            f"local-dir:{models / 'clip'}", device=device
        )
        self.clip.eval()
        self.tokenize = open_clip.get_tokenizer(f"local-dir:{models / 'clip'}")
        self.objects = self.texts([world.caption(o, None) for o in range(len(world.objects))])
        self.scenes = self.texts([world.caption(None, s) for s in range(len(world.scenes))])

    @torch.no_grad()
    def texts(self, captions: Sequence[str]) -> Float[Tensor, "captions width"]:
        """Unit embeddings of captions."""
        tokens = self.tokenize(list(captions)).to(next(self.clip.parameters()).device)
        return self.clip.encode_text(tokens, normalize=True)

    @torch.no_grad()
    def look(self, videos: Videos) -> dict[str, Tensor]:
        """Mean frame embedding, the judge's class, and the object's path (clips, time, 2)."""
        n = len(videos)
        frames = videos.flatten(0, 1)
        embedded = self.clip.encode_image(2 * frames - 1, normalize=True).view(n, FRAMES, -1)
        return {
            "embedding": embedded.mean(1),
            "judged": self.judge.classify(frames).view(n, FRAMES, -1).mean(1).argmax(1),
            "path": self.locator.locate(frames).view(n, FRAMES, 2),
        }


@torch.no_grad()
def generate(
    backbone: Backbone, prompts: Sequence[str], seeds: Sequence[int], guidance: float, steps: int
) -> Videos:
    """Sample the prompts from noise."""
    made = []
    for start in range(0, len(prompts), BATCH):
        part = slice(start, start + BATCH)
        text, nothing = backbone.embed(prompts[part]), backbone.embed([""])

        def denoise(
            x: Tensor, t: float, text: Tensor = text, nothing: Tensor = nothing
        ) -> Prediction:
            return backbone.denoiser.guided(x, t, text, nothing, guidance)

        shape = backbone.latent_shape((FRAMES, HEIGHT, WIDTH))
        empty = torch.zeros(len(text), *shape, device=backbone.device)
        x = noise(empty, generators(list(seeds[part])))
        x = sample(backbone.schedule, denoise, x, backbone.schedule.timesteps(steps))
        made.append(torch.from_numpy(backbone.decode(x)).movedim(-1, 2).float() / 255)
    return torch.cat(made).to(backbone.device)


def family_followed(world: World, paths: Float[Tensor, "clips time 2"], motion: Tensor) -> float:
    """Share of paths nearest to a true path of the named family, up to direction and mirroring.

    Nearest refers to the mean distance of centred paths; true paths are taken as they are, mirrored
    left to right, and reversed. `FORMS` lists families that are equal under these.
    """
    clips = world.sample(KNOWN_PATHS, torch.Generator().manual_seed(6))
    known = clips.path - clips.path.mean(1, keepdim=True)
    known = torch.cat([known, known * torch.tensor([-1.0, 1.0])])
    known = torch.cat([known, known.flip(1)])
    centred = paths - paths.mean(1, keepdim=True)
    distances = (centred[:, None] - known[None]).norm(dim=-1).mean(-1)
    nearest = clips.motion[distances.argmin(1) % KNOWN_PATHS]
    forms = [FORMS.get(name, name) for name in TRAINED]
    pairs = zip(nearest.tolist(), motion.tolist(), strict=True)
    return float(np.mean([forms[a] == forms[b] for a, b in pairs]))


def measure(
    witnesses: Witnesses, world: World, videos: Videos, truth: Tensor
) -> dict[str, float | None]:
    """Shares of right objects, scenes and motions; `truth` is (clips, 3): object, scene, motion."""
    parts = [witnesses.look(part) for part in videos.split(BATCH)]
    seen = {name: torch.cat([part[name] for part in parts]).cpu() for name in parts[0]}
    o, s, m = truth.unbind(1)
    objects, scenes = witnesses.objects.cpu(), witnesses.scenes.cpu()
    named = (seen["embedding"] @ objects.T).argmax(1) == o
    placed = (seen["embedding"] @ scenes.T).argmax(1) == s
    texts = witnesses.texts([world.caption(int(a), int(b)) for a, b in zip(o, s, strict=True)])
    way = seen["path"][:, -1] - seen["path"][:, 0]
    moved = [
        float(way[i] @ torch.tensor(WAYS[world.motions[k]], dtype=way.dtype))
        for i, k in enumerate(m.tolist())
        if world.motions[k] in WAYS
    ]
    steps = seen["path"].diff(dim=1).norm(dim=-1)
    return {
        "object_clip": float(named.float().mean()),
        "scene_clip": float(placed.float().mean()),
        "object_judge": float((seen["judged"] == o).float().mean()),
        "text_similarity": float((seen["embedding"] * texts.cpu()).sum(-1).mean()),
        "followed": float(np.mean(np.array(moved) > FOLLOWED)) if moved else None,
        "family": family_followed(world, seen["path"], m),
        "moved_pixels": float(np.mean(moved)) if moved else None,
        "step_pixels": float(steps.median()),
        "jumps": float((steps > 20).float().mean()),
    }


def sheet(videos: Videos, columns: int = 6) -> Image.Image:
    """Rows of frames, two clips side by side."""
    picks = torch.linspace(0, FRAMES - 1, columns).round().long()
    rows = torch.cat([videos[:, k] for k in picks], dim=-1)
    half = (len(rows) + 1) // 2
    left, right = torch.cat(list(rows[:half]), -2), torch.cat(list(rows[half : 2 * half]), -2)
    if right.shape != left.shape:
        right = torch.nn.functional.pad(right, (0, 0, 0, left.shape[-2] - right.shape[-2]))
    pixels = torch.cat([left, right], -1).clamp(0, 1).mul(255).byte().movedim(0, -1)
    return Image.fromarray(pixels.cpu().numpy())


def main() -> None:
    """Generate clips of held-out captions, with and without motion words; measure and draw them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--clips", type=int, default=192)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--guidance", type=float, nargs="+", default=[1.0, 3.0, 6.0, 9.0])
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    world = World(options.device)
    witnesses = Witnesses(options.models, world)
    backbone = load_backbone(str(options.models / "backbone"), device=options.device)
    clips = world.sample(options.clips, torch.Generator().manual_seed(5), split="test")
    truth = torch.stack([clips.object, clips.scene, clips.motion], 1)
    seeds = list(range(options.clips))
    true = world.render(clips)
    report: dict[str, object] = {"true": measure(witnesses, world, true, truth)}
    latents = backbone.encode(
        (true * 255).round().byte().movedim(2, -1).cpu().numpy()[: min(48, len(true))]
    )
    rebuilt = torch.from_numpy(backbone.decode(latents)).movedim(-1, 2).float() / 255
    report["rebuilt"] = measure(witnesses, world, rebuilt.to(world.device), truth[: len(rebuilt)])
    sheet(torch.stack([true[:12].cpu(), rebuilt[:12]], 1).flatten(0, 1)).save(
        options.output / "rebuilt.png"
    )
    for guidance in options.guidance:
        for told in (True, False):
            prompts = [world.caption(o, s, m if told else None) for o, s, m in truth.tolist()]
            videos = generate(backbone, prompts, seeds, guidance, options.steps)
            name = f"guidance-{guidance:g}-{'motion' if told else 'plain'}"
            report[name] = measure(witnesses, world, videos, truth)
            print(name, json.dumps(report[name]), flush=True)
            sheet(videos[:48]).save(options.output / f"{name}.png")
    write_text(options.output / "evaluation.json", json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
