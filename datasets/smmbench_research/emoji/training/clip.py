r"""Train the CLIP: a common space of frames and captions, whose cosine is the share that matches.

    python -m smmbench_research.emoji.training.clip \
        --seconds 250 --output DIR --vae DIR/vae-snapshot

Writes `DIR/clip/`, which `open_clip.create_model_and_transforms("local-dir:DIR/clip")` loads.

The target cosine of a caption and a frame is one half for the right object plus one half for the
right scene (for a caption of one part, 0.71 for that part, as the halves of a unit vector require),
so the cosine grades partial edits. Frames whose object was shuffled or hidden teach that the
colours of a dog do not make a dog.
"""

from __future__ import annotations

import argparse
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import open_clip
import torch
from safetensors.torch import save_file
from torch import Tensor

from smmbench.storage.atomic import atomic_path, write_text
from smmbench_datasets.emoji.world import World
from smmbench_research.emoji.training.frames import (
    Batch,
    Frames,
    Reconstruction,
    blurred,
    part_hidden,
    recoloured,
    shuffled,
)
from smmbench_research.emoji.training.loop import Loop, Place, join, leave, options, write_report

SCALE = 16.0  # of the cosines in the contrastive loss; fixed, so that it cannot grow
FULL, OBJECT, SCENE = range(3)  # kinds of caption
SHARES = (0.6, 0.2, 0.2)
CALIBRATION = 4.0  # weight of the squared error of the cosines
LATENT_NOISE = 0.4  # maximum, in standard deviations


def config(smoke: bool = False) -> dict[str, Any]:
    """The model in open_clip's own terms."""
    return {
        "embed_dim": 128,
        "vision_cfg": {
            "image_size": 128,
            "layers": [1, 1, 1, 1],
            "width": 4 if smoke else 24,
            "head_width": 64,
        },
        "text_cfg": {
            "context_length": 77,
            "vocab_size": 49408,
            "width": 16 if smoke else 48,
            "heads": 1 if smoke else 3,
            "layers": 1 if smoke else 3,
        },
    }


class Captions:
    """Draws captions of clips with the content of each; tokens are cached."""

    def __init__(self, world: World, seed: int) -> None:
        self.world = world
        self.generator = torch.Generator().manual_seed(seed)
        self._tokenize = open_clip.get_tokenizer("ViT-B-32")
        self._known: dict[str, Tensor] = {}

    def tokens(self, captions: list[str]) -> Tensor:
        """Token numbers, (captions, 77)."""
        for caption in set(captions) - self._known.keys():
            self._known[caption] = self._tokenize([caption])[0]
        return torch.stack([self._known[caption] for caption in captions]).to(self.world.device)

    def draw(self, batch: Batch, count: int) -> tuple[Tensor, Said]:
        """Captions of `count` of the batch's clips: full ones first, then those of one part."""
        chosen = torch.randperm(len(batch.clips), generator=self.generator)[:count]
        clips = batch.clips.take(chosen)
        full = self.world.captions(clips, self.generator, motion=0.5)
        kind = torch.zeros(count, dtype=torch.long)
        kind[round(SHARES[FULL] * count) :] = OBJECT
        kind[round((1 - SHARES[SCENE]) * count) :] = SCENE
        texts = [
            caption
            if k == FULL
            else self.world.caption(o if k == OBJECT else None, s if k == SCENE else None)
            for caption, k, o, s in zip(
                full, kind.tolist(), clips.object.tolist(), clips.scene.tolist(), strict=True
            )
        ]
        device = self.world.device
        said = Said(kind.to(device), clips.object.to(device), clips.scene.to(device))
        return self.tokens(texts), said

    def used(self) -> Tensor:
        """Token numbers that any caption of the world has."""
        world = self.world
        parts = [world.caption(o, None) for o in range(len(world.objects))]
        for s in range(len(world.scenes)):
            parts += [world.caption(None, s), world.caption(0, s)]
        parts += [world.caption(0, None, m) for m in range(len(world.motions))]
        return torch.unique(self.tokens(parts))


@dataclass(frozen=True)
class Said:
    """Content of captions; for a caption of one part, only that part counts."""

    kind: Tensor
    object: Tensor
    scene: Tensor


def build(captions: Captions, smoke: bool = False) -> open_clip.CLIP:
    """An untrained model; words outside the world keep a zero embedding."""
    model = open_clip.CLIP(**config(smoke))
    with torch.no_grad():
        model.logit_scale.fill_(math.log(SCALE))
        known = torch.zeros(model.vocab_size, 1)
        known[captions.used().cpu()] = 1
        model.token_embedding.weight.mul_(known)
    model.logit_scale.requires_grad_(False)
    return model


def spoil(batch: Batch) -> tuple[Tensor, Tensor]:
    """Break or hide the object of a quarter of the frames.

    Returns:
        The frames, and how much of its object each shows: 1, 0.5 (half hidden) or 0.
    """
    image, n = batch.image.clone(), len(batch.image)
    shown = torch.ones(n, device=image.device)
    centre = batch.centre.round().long()
    eighth = n // 8
    for cells, part in ((6, slice(0, eighth // 2)), (9, slice(eighth // 2, eighth))):
        image[part] = shuffled(image[part], centre[part], side=72, cells=cells)
        shown[part] = 0
    part = slice(eighth, 2 * eighth)
    whole = torch.arange(eighth, device=image.device) % 2 == 0
    image[part] = part_hidden(image[part], batch.mask[part], batch.centre[part], whole)
    shown[part] = torch.where(whole, 0.0, 0.5)
    return image, shown


def losses(cosine: Tensor, batch: Batch, shown: Tensor, said: Said) -> tuple[Tensor, Tensor]:
    """Contrastive loss, and squared error between cosines and their targets.

    Args:
        cosine: (frames, captions).
        batch: Content of the frames.
        shown: Visible share of the object, (frames,).
        said: Content of the captions.
    """
    device = cosine.device
    o = shown[:, None] * (batch.clips.object.to(device)[:, None] == said.object)
    s = (batch.clips.scene.to(device)[:, None] == said.scene).float()
    share = torch.where(
        said.kind == FULL, (o + s) / 2, torch.where(said.kind == OBJECT, o, s) / 2**0.5
    )
    calibration = ((1 + 4 * (share > 0)) * (cosine - share).square()).mean()
    right = torch.where(said.kind == FULL, o * s, torch.where(said.kind == OBJECT, o, s))
    clear = shown != 0.5  # a half-hidden object is neither right nor wrong
    right, logits = right[clear], SCALE * cosine[clear]
    contrast = _soft_cross_entropy(logits.T, right.T)
    for kind in (FULL, OBJECT, SCENE):  # captions of different kinds have different cosines
        contrast = contrast + _soft_cross_entropy(
            logits[:, said.kind == kind], right[:, said.kind == kind]
        )
    return contrast, calibration


def _soft_cross_entropy(logits: Tensor, right: Tensor) -> Tensor:
    """Contrastive loss with several right columns per row; rows without any do not count."""
    total = right.sum(1)
    each = -(right * logits.log_softmax(1)).sum(1) / total.clamp(min=1)
    return (each * (total > 0)).sum() / (total > 0).sum().clamp(min=1)


def normal(image: Tensor) -> Tensor:
    """Scale images to the model's range, -1 to 1."""
    return ((image - 0.5) / 0.5).contiguous(memory_format=torch.channels_last)


def train(place: Place, args: argparse.Namespace, world: World) -> Loop:
    """Train until time runs out; half of the frames pass through the VAE once it exists."""
    torch.manual_seed(args.seed)
    captions = Captions(world, args.seed + 10)
    model = build(captions, args.smoke).to(place.device)
    model.visual.to(memory_format=torch.channels_last)
    loop = Loop(
        model,
        place,
        args.output,
        "clip",
        args.seconds,
        rate=1.5e-3,
        weight_decay=0.02,
        resume=args.resume,
    )
    n = args.batch or (16 if args.smoke else 512)
    frames = Frames(world, 1000 * (args.seed + 1) + 500 + place.rank + 7 * loop.step)
    reconstruct = Reconstruction(args.vae, place.device)
    torch.manual_seed(args.seed + 1 + place.rank)
    averaged = cast(open_clip.CLIP, loop.averaged)
    for _ in loop:
        batch = frames.draw(n)
        image, shown = spoil(batch)
        image = recoloured(image, 0.1)
        decoded = reconstruct(image[::2], LATENT_NOISE)
        if decoded is not None:
            image[::2] = blurred(decoded, 1.0)
        tokens, said = captions.draw(batch, n // 2)
        with place.autocast():
            pictured = model.encode_image(normal(image), normalize=True).float()
            told = model.encode_text(tokens, normalize=True).float()
        contrast, calibration = losses(pictured @ told.T, batch, shown, said)
        loop.update(
            contrast + CALIBRATION * calibration,
            contrast=contrast,
            calibration=calibration,
            reconstructions=float(decoded is not None),
        )
        if loop.every("accuracy", 30.0, at_once=False):
            loop.note(**measure(averaged, Frames(world, 2, "val"), captions, 512))
    return loop


@torch.no_grad()
def measure(
    model: open_clip.CLIP,
    frames: Frames,
    captions: Captions,
    count: int,
    reconstruct: Reconstruction | None = None,
) -> dict[str, float]:
    """Zero-shot accuracy by captions of one part, and mean cosines with full captions.

    `object_broken` is how often the object is still named after its parts are shuffled (lower is
    better; chance is one over the number of objects), and `cosine_broken` its caption's cosine.
    """
    model.eval()
    world = frames.world
    objects, scenes = range(len(world.objects)), range(len(world.scenes))

    def told(texts: list[str]) -> Tensor:
        return model.encode_text(captions.tokens(texts), normalize=True).float()

    by_object = told([world.caption(o, None) for o in objects])
    by_scene = told([world.caption(None, s) for s in scenes])
    both = told([world.caption(o, s) for o in objects for s in scenes])
    sums: dict[str, float] = {}
    batches = math.ceil(count / 256)
    for _ in range(batches):
        batch = frames.draw(min(256, count))
        broken = shuffled(batch.image, batch.centre.round().long(), side=72, cells=6)
        image = batch.image
        if reconstruct is not None:
            image = reconstruct(image)  # type: ignore[assignment]
            broken = reconstruct(broken)  # type: ignore[assignment]
        o, s = batch.clips.object.to(image.device), batch.clips.scene.to(image.device)
        seen = model.encode_image(normal(image), normalize=True).float()
        seen_broken = model.encode_image(normal(broken), normalize=True).float()
        row = torch.arange(len(o), device=o.device)
        full = (seen @ both.T).view(len(o), len(objects), len(scenes))
        same_object, same_scene = full[row, o].sum(1), full[row, :, s].sum(1)
        right = full[row, o, s]
        cross = full.sum((1, 2)) - same_object - same_scene + right
        figures = {
            "object": (seen @ by_object.T).argmax(1) == o,
            "scene": (seen @ by_scene.T).argmax(1) == s,
            "cosine_right": right,
            "cosine_wrong_object": (same_scene - right) / (len(objects) - 1),
            "cosine_wrong_scene": (same_object - right) / (len(scenes) - 1),
            "cosine_both_wrong": cross / (len(objects) - 1) / (len(scenes) - 1),
            "object_broken": (seen_broken @ by_object.T).argmax(1) == o,
            "cosine_broken": (seen_broken @ by_object.T)[row, o],
        }
        for name, value in figures.items():
            sums[name] = sums.get(name, 0.0) + float(value.float().mean()) / batches
    return {name: round(value, 4) for name, value in sums.items()}


def save(model: torch.nn.Module, folder: Path, smoke: bool = False) -> None:
    """Write open_clip's folder, the weights in half precision."""
    folder.mkdir(parents=True, exist_ok=True)
    half = [0.5, 0.5, 0.5]
    preprocess = {"mean": half, "std": half, "interpolation": "bicubic", "resize_mode": "shortest"}
    stored = {"model_cfg": config(smoke), "preprocess_cfg": preprocess}
    write_text(folder / "open_clip_config.json", json.dumps(stored, indent=2) + "\n")
    state = {
        name: (value.half() if value.is_floating_point() else value).contiguous().cpu()
        for name, value in model.state_dict().items()
    }
    with atomic_path(folder / "open_clip_model.safetensors") as temporary:
        save_file(state, temporary)


def main() -> None:
    """Train the model, write it, load it again and measure it."""
    parser = options("Train the CLIP of the emoji world.")
    parser.add_argument("--vae", type=Path, help="folder of a VAE, or where one will appear")
    args = parser.parse_args()
    place = join(args.device)
    world = World(place.device)
    loop = train(place, args, world)
    leave(place)
    if not place.leads:
        return
    folder = args.output / "clip"
    save(loop.averaged, folder, args.smoke)
    stored, _, _ = open_clip.create_model_and_transforms(f"local-dir:{folder}", device=place.device)
    count, captions = 16 if args.smoke else 2048, Captions(world, 0)
    report = {"true": measure(stored, Frames(world, 2, "val"), captions, count)}
    reconstruct = Reconstruction(args.vae, place.device)
    if reconstruct(torch.zeros(1, 3, 128, 128, device=place.device)) is not None:
        frames = Frames(world, 2, "val")
        report["reconstructed"] = measure(stored, frames, captions, count, reconstruct)
    write_report(folder / "report.json", loop, report)


if __name__ == "__main__":
    main()
