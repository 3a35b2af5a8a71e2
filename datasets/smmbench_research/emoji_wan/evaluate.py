r"""Measure the text-to-video model on held-out captions, and draw sheets of its videos.

    python -m smmbench_research.emoji_wan.evaluate --backbone DIR --text-models DIR \
        --judge DIR --output DIR [--vae DIR] [--guidance 3 4 5]

Each figure is measured on the same 192 captions of the split `test`, with kinds of attributes in
the proportions of training, for true clips, for their VAE reconstructions, and for generated clips
with and without the motion in the prompt:

- `object`, `scene`, `attribute`: share whose nearest caption is right (`text_model.Reader`), by the
  text model of the board; `held_out_*` by the other one. Attributes count for clips that have one.
- `judge`: share of clips with one object whose object the judge of the world `emoji` names (mean
  logits over frames); it saw neither these frames nor these models.
- `family`: share of clips with one object whose located path is nearest to a true path of the named
  family, played forwards or backwards, mirrored or not; `way`: share of those named right, left, up
  or down whose object moves more than 8 pixels that way.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import open_clip
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from smmbench.storage.atomic import write_text
from smmbench_datasets.emoji.judges import load_judge, load_locator
from smmbench_datasets.emoji_wan.captions import KINDS, MOTIONS, PLAIN, kind_of
from smmbench_datasets.emoji_wan.world import FRAMES, Clips, Renderer, sample
from smmbench_research.emoji_wan.sampler import Sampler
from smmbench_research.emoji_wan.text_model import Captions, Reader, normal

FOLLOWED = 8.0  # pixels
WAYS = {"right": (1.0, 0.0), "left": (-1.0, 0.0), "up": (0.0, -1.0), "down": (0.0, 1.0)}
# Families of one form turn into each other when they are reversed or mirrored.
FORMS = {"left": "right", "down": "up", "recede": "approach"}
KNOWN_PATHS = 4000  # true paths that a path is compared with
BATCH = 32  # clips at a time

Videos = Float[Tensor, "clips 3 time height width"]


class Evaluators:
    """Both text models, the judge and the locator.

    Args:
        text_models: Folder of `residual/` and `patches/`.
        judge: Folder of the judge and the locator.
        device: Device of the models.
    """

    def __init__(self, text_models: Path, judge: Path, device: torch.device) -> None:
        self.judge = load_judge(device, judge)
        self.locator = load_locator(device, judge)
        captions = Captions(device, 0)
        self.readers: dict[str, Reader] = {}
        for prefix, name in (("", "residual"), ("held_out_", "patches")):
            model: Any = open_clip.create_model_and_transforms(
                f"local-dir:{text_models / name}", device=device
            )[0]
            self.readers[prefix] = Reader(model.eval(), captions)

    @torch.no_grad()
    def measure(self, videos: Videos, clips: Clips) -> dict[str, Any]:
        """Return every figure of videos that should show `clips`."""
        frames = videos.transpose(1, 2)
        parts = [self._look(part) for part in frames.split(BATCH)]
        logits, path = (torch.cat([part[k] for part in parts]).cpu() for k in ("judge", "path"))
        alone = clips.other < 0
        figures: dict[str, Any] = {
            "judge": share((logits.argmax(1) == clips.object)[alone]),
            **motion_figures(path, clips, alone),
        }
        extra = clips.attribute != PLAIN
        kinds = [kind_of(a) for a in clips.attribute.tolist()]
        for prefix, reader in self.readers.items():
            seen = torch.cat([part[f"seen {prefix}"] for part in parts])
            found = reader.read(seen, clips)
            for name in ("object", "scene"):
                figures[prefix + name] = share(found[name])
            figures[prefix + "attribute"] = share(found["attribute"][extra])
            for kind in KINDS[1:]:
                here = torch.tensor([k == kind for k in kinds])
                figures[prefix + kind] = share(found["attribute"][here])
            texts = reader.texts([clips.caption(i, motion=False) for i in range(len(clips))])
            figures[prefix + "similarity"] = round(float((seen * texts).sum(1).mean()), 4)
        return figures

    def _look(self, frames: Tensor) -> dict[str, Tensor]:
        n, flat = len(frames), frames.flatten(0, 1)
        found = {
            "judge": self.judge.classify(flat).view(n, FRAMES, -1).mean(1),
            "path": self.locator.locate(flat).view(n, FRAMES, 2),
        }
        for prefix, reader in self.readers.items():
            seen = reader.model.encode_image(normal(flat), normalize=True).view(n, FRAMES, -1)
            found[f"seen {prefix}"] = torch.nn.functional.normalize(seen.mean(1), dim=-1)
        return found


def motion_figures(
    path: Float[Tensor, "clips time 2"], clips: Clips, alone: Tensor
) -> dict[str, Any]:
    """Return whether the located object moves as its caption says, in clips of one object."""
    path, motion = path[alone], clips.motion[alone]
    names = list(MOTIONS)
    way = path[:, -1] - path[:, 0]
    along = [
        float(way[i] @ torch.tensor(WAYS[names[m]]))
        for i, m in enumerate(motion.tolist())
        if names[m] in WAYS
    ]
    return {
        "clips_of_one_object": len(path),
        "clips_of_a_way": len(along),
        "family": share(family_followed(path, motion)),
        "way": share(torch.tensor(along) > FOLLOWED),
        "jumps": share(path.diff(dim=1).norm(dim=-1) > 20),
    }


def family_followed(path: Float[Tensor, "clips time 2"], motion: Tensor) -> Tensor:
    """Return whether each path is nearest to a true one of its family, reversed or mirrored."""
    clips = sample(KNOWN_PATHS, torch.Generator().manual_seed(6))
    known = clips.path - clips.path.mean(1, keepdim=True)
    known = torch.cat([known, known * torch.tensor([-1.0, 1.0])])
    known = torch.cat([known, known.flip(1)])
    centred = path - path.mean(1, keepdim=True)
    nearest = [int((one - known).norm(dim=-1).mean(-1).argmin() % KNOWN_PATHS) for one in centred]
    forms = [FORMS.get(name, name) for name in MOTIONS]
    pairs = zip(clips.motion[nearest].tolist(), motion.tolist(), strict=True)
    return torch.tensor([forms[a] == forms[b] for a, b in pairs])


def share(flags: Tensor) -> float | None:
    """Return the share of true values; None if there are no values."""
    return round(float(flags.float().mean()), 4) if flags.numel() else None


def sheet(videos: Videos, columns: int = 6) -> Image.Image:
    """Frames of clips, two clips side by side."""
    picks = torch.linspace(0, videos.shape[2] - 1, columns).round().long()
    rows = torch.cat([videos[:, :, k] for k in picks.tolist()], dim=-1).cpu()
    if len(rows) % 2:
        rows = torch.cat([rows, torch.zeros_like(rows[:1])])
    pairs = [torch.cat([rows[i], rows[i + 1]], -1) for i in range(0, len(rows), 2)]
    pixels = torch.cat(pairs, -2).clamp(0, 1).mul(255).round().byte().movedim(0, -1)
    return Image.fromarray(pixels.numpy())


def main() -> None:
    """Generate clips of held-out captions, with and without motion words; measure and draw them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backbone", type=Path, required=True)
    parser.add_argument("--vae", type=Path)
    parser.add_argument("--text-models", type=Path, required=True)
    parser.add_argument("--judge", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--clips", type=int, default=192)
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--guidance", type=float, nargs="*", default=[4.0])
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    device = torch.device(options.device)
    evaluators = Evaluators(options.text_models, options.judge, device)
    sampler = Sampler(options.backbone, device, options.vae)
    clips = sample(options.clips, torch.Generator().manual_seed(5), "test")
    true = Renderer(device).render(clips).transpose(1, 2)
    rebuilt = torch.cat([sampler.decode(sampler.encode(part)) for part in true.split(BATCH)])
    report: dict[str, Any] = {
        "steps": options.steps,
        "true": evaluators.measure(true, clips),
        "rebuilt": evaluators.measure(rebuilt, clips),
    }
    print("rebuilt", json.dumps(report["rebuilt"]), flush=True)
    both = torch.stack([true[:12], rebuilt[:12]], 1).flatten(0, 1)
    sheet(both).save(options.output / "rebuilt.png")
    for guidance in options.guidance:
        for told in (True, False):
            prompts = [clips.caption(i, motion=told) for i in range(len(clips))]
            videos = sampler.sample(prompts, list(range(len(clips))), guidance, options.steps)
            name = f"guidance-{guidance:g}-{'motion' if told else 'plain'}"
            report[name] = evaluators.measure(videos, clips)
            print(name, json.dumps(report[name]), flush=True)
            sheet(videos[:32]).save(options.output / f"{name}.png", optimize=True)
            write_text(options.output / "prompts.txt", "\n".join(prompts) + "\n")
    write_text(options.output / "evaluation.json", json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
