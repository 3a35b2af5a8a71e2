r"""Train a text model of `emoji-wan`: a common space of frames and captions.

    python -m smmbench_research.emoji_wan.text_model --kind residual \
        --seconds 250 --output DIR --vae VAE
    python -m smmbench_research.emoji_wan.text_model --kind patches --seed 1 ...

Writes `DIR/<kind>/`, which `open_clip.create_model_and_transforms("local-dir:DIR/<kind>")` loads:
`residual` (convolutions) scores the board, `patches` (a vision transformer) is held out from all
tuning.

A caption makes claims: an object, an attribute, a scene. Its target cosine with a frame is the
weight of the claims that hold (`WEIGHTS`), so the cosine grades partial edits, such as the right
object in the wrong scene or in the wrong colour. A caption that names no attribute claims that
there is none. Captions with fewer claims are unit vectors too, so their targets are divided by the
square root of their total weight. Frames whose object was shuffled or hidden teach that the colours
of a dog do not make a dog.
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
from torch import Tensor, nn

from smmbench.storage.atomic import atomic_path, write_text
from smmbench_datasets.emoji.sampling import Split
from smmbench_datasets.emoji_wan.captions import (
    KINDS,
    OBJECTS,
    PLAIN,
    SCENES,
    SECOND,
    attributes_of,
    caption,
    kind_of,
)
from smmbench_datasets.emoji_wan.world import FRAMES, Clips, Renderer, sample
from smmbench_research.emoji.training.frames import (
    Reconstruction,
    blurred,
    part_hidden,
    recoloured,
    shuffled,
)
from smmbench_research.emoji.training.loop import Loop, Place, join, leave, options, write_report
from smmbench_research.emoji_wan import tokenizer as tokenizers

WEIGHTS = {"object": 0.375, "scene": 0.375, "attribute": 0.25}
SCALE = 16.0  # of the cosines in the contrastive loss; fixed, so that it cannot grow
CALIBRATION = 4.0  # weight of the squared error of the cosines
LATENT_NOISE = 0.4  # maximum, in standard deviations
FULL, PHRASE, SCENE = range(3)  # kinds of caption: all, object and attribute, scene
SHARES = (0.6, 0.25, 0.15)
VOCABULARY = 168
LOT = 4096  # clips


def config(kind: str, smoke: bool = False) -> dict[str, Any]:
    """The model in open_clip's own terms."""
    kinds: dict[str, dict[str, Any]] = {
        "residual": {"layers": [1, 1, 1, 1], "width": 4 if smoke else 14, "head_width": 64},
        "patches": {
            "layers": 1 if smoke else 5,
            "width": 32 if smoke else 96,
            "head_width": 16 if smoke else 24,
            "mlp_ratio": 3.0,
            "patch_size": 16,
        },
    }
    return {
        "embed_dim": 96,
        "vision_cfg": {"image_size": 128, **kinds[kind]},
        "text_cfg": {
            "context_length": tokenizers.MAX_TOKENS,
            "vocab_size": VOCABULARY,
            "hf_tokenizer_name": "tokenizer.json beside this file",
            "tokenizer_kwargs": {"clean_up_tokenization_spaces": False},
            "width": 64,
            "heads": 4,
            "layers": 1 if smoke else 3,
        },
    }


@dataclass(frozen=True)
class Said:
    """Claims of captions; for a shorter caption, only what it names counts."""

    kind: Tensor
    object: Tensor
    other: Tensor
    attribute: Tensor
    scene: Tensor

    @classmethod
    def of(cls, clips: Clips, device: torch.device, kind: Tensor | None = None) -> Said:
        """Return everything that is true of clips, or what captions of some kind say about it."""
        kind = torch.zeros(len(clips), dtype=torch.long) if kind is None else kind
        attribute = clips.attribute.clamp(max=SECOND)  # `other` states which second object it is
        columns = (kind, clips.object, clips.other, attribute, clips.scene)
        return cls(*(column.to(device) for column in columns))


@dataclass(frozen=True)
class Batch:
    """Frames with what is true of them."""

    image: Tensor
    alpha: Tensor
    clips: Clips
    centre: Tensor


class Frames:
    """Draws an endless sequence of frames, determined by the seed."""

    def __init__(self, renderer: Renderer, seed: int, split: Split = "train") -> None:
        self.renderer, self.split = renderer, split
        self.generator = torch.Generator().manual_seed(seed)
        self._lot: Clips | None = None
        self._next = 0

    def draw(self, n: int) -> Batch:
        """Draw `n` frames, each of a different clip."""
        if self._lot is None or self._next + n > len(self._lot):
            self._lot, self._next = sample(max(LOT, n), self.generator, self.split), 0
        clips = self._lot.take(slice(self._next, self._next + n))
        self._next += n
        t = torch.randint(FRAMES, (n,), generator=self.generator)
        image, alpha = self.renderer.render_frames(clips, t)
        centre = clips.path[torch.arange(n), t].to(image.device)
        return Batch(image, alpha, clips, centre)


class Captions:
    """Draws captions of clips with the claims of each; tokens are cached."""

    def __init__(self, device: torch.device, seed: int) -> None:
        self.device = device
        self.generator = torch.Generator().manual_seed(seed)
        self._tokenizer = tokenizers.build(end_last=True)
        self._tokenizer.enable_padding(length=tokenizers.MAX_TOKENS)
        self._known: dict[str, Tensor] = {}

    def tokens(self, texts: list[str]) -> Tensor:
        """Token numbers (texts, tokens)."""
        for text in set(texts) - self._known.keys():
            self._known[text] = torch.tensor(self._tokenizer.encode(text).ids)
        return torch.stack([self._known[text] for text in texts]).to(self.device)

    def draw(self, clips: Clips, count: int) -> tuple[Tensor, Said]:
        """Captions of `count` of the clips: full ones first, then shorter ones."""
        clips = clips.take(torch.randperm(len(clips), generator=self.generator)[:count])
        kind = torch.full((count,), FULL)
        kind[round(SHARES[FULL] * count) :] = PHRASE
        kind[round((1 - SHARES[SCENE]) * count) :] = SCENE
        named = torch.rand(count, generator=self.generator) < 0.5
        columns = (clips.object, clips.scene, clips.motion, clips.attribute, kind, named)
        texts = [
            caption(None if k == SCENE else o, None if k == PHRASE else s, m if told else None, a)
            for o, s, m, a, k, told in zip(*(c.tolist() for c in columns), strict=True)
        ]
        return self.tokens(texts), Said.of(clips, self.device, kind)


def build(kind: str, smoke: bool = False) -> open_clip.CLIP:
    """An untrained model."""
    model = open_clip.CLIP(**config(kind, smoke))
    with torch.no_grad():
        model.logit_scale.fill_(math.log(SCALE))
    model.logit_scale.requires_grad_(False)
    return model


def spoil(batch: Batch) -> tuple[Tensor, Tensor]:
    """Shuffle or hide the object in a quarter of the frames that have a single object.

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
    image[part] = part_hidden(image[part], batch.alpha[part], batch.centre[part], whole)
    shown[part] = torch.where(whole, 0.0, 0.5)
    alone = (batch.clips.other < 0).to(image.device)
    image = torch.where(alone[:, None, None, None], image, batch.image)
    return image, torch.where(alone, shown, 1.0)


def held(true: Said, said: Said) -> tuple[Tensor, Tensor, Tensor]:
    """Whether each caption's object, attribute and scene hold for each frame (frames, captions).

    Two objects have no order. An object is right if frame and caption have one in common; a second
    object is right if they have the same two.
    """
    a, b = true.object[:, None], true.other[:, None]
    one = (a == said.object) | ((b >= 0) & (b == said.object))
    two = (said.other >= 0) & ((a == said.other) | ((b >= 0) & (b == said.other)))
    attribute = true.attribute[:, None] == said.attribute
    both = ((a == said.object) & (b == said.other)) | ((a == said.other) & (b == said.object))
    attribute = attribute & ((said.attribute != SECOND) | both)
    return one | two, attribute, true.scene[:, None] == said.scene


def targets(true: Said, said: Said, shown: Tensor) -> tuple[Tensor, Tensor]:
    """The cosine that each frame and caption should have, and whether all claims hold."""
    o, a, s = (found.float() for found in held(true, said))
    o, a = o * shown[:, None], a * shown[:, None]
    phrase = WEIGHTS["object"] * o + WEIGHTS["attribute"] * a
    scene = WEIGHTS["scene"] * s
    alone = (WEIGHTS["object"] + WEIGHTS["attribute"]) ** 0.5, WEIGHTS["scene"] ** 0.5
    cosine = torch.where(said.kind == PHRASE, phrase / alone[0], phrase + scene)
    cosine = torch.where(said.kind == SCENE, scene / alone[1], cosine)
    right = torch.where(said.kind == PHRASE, o * a, o * a * s)
    return cosine, torch.where(said.kind == SCENE, s, right)


def losses(cosine: Tensor, true: Said, said: Said, shown: Tensor) -> tuple[Tensor, Tensor]:
    """Contrastive loss, and squared error of the cosines (frames, captions)."""
    share, right = targets(true, said, shown)
    calibration = ((1 + 4 * (share > 0)) * (cosine - share).square()).mean()
    clear = (shown == 1) | (shown == 0)  # a half-hidden object is neither right nor wrong
    right, logits = right[clear], SCALE * cosine[clear]
    contrast = _soft_cross_entropy(logits.T, right.T)
    for kind in (FULL, PHRASE, SCENE):  # captions of different kinds have different cosines
        here = said.kind == kind
        contrast = contrast + _soft_cross_entropy(logits[:, here], right[:, here])
    return contrast, calibration


def _soft_cross_entropy(logits: Tensor, right: Tensor) -> Tensor:
    """Contrastive loss with several right columns per row; rows without any do not count."""
    total = right.sum(1)
    each = -(right * logits.log_softmax(1)).sum(1) / total.clamp(min=1)
    return (each * (total > 0)).sum() / (total > 0).sum().clamp(min=1)


def normal(image: Tensor) -> Tensor:
    """Scale images to the model's range, -1 to 1."""
    return (2 * image - 1).contiguous(memory_format=torch.channels_last)


def train(place: Place, args: argparse.Namespace, renderer: Renderer) -> Loop:
    """Train until time runs out; half of the frames pass through a VAE."""
    torch.manual_seed(args.seed)
    captions = Captions(place.device, args.seed + 10)
    model = build(args.kind, args.smoke).to(place.device)
    loop = Loop(
        model,
        place,
        args.output,
        args.kind,
        args.seconds,
        rate=1.5e-3 if args.kind == "residual" else 1e-3,
        weight_decay=0.02,
        resume=args.resume,
    )
    n = args.batch or (16 if args.smoke else 512)
    frames = Frames(renderer, 1000 * (args.seed + 1) + 500 + place.rank + 7 * loop.step)
    reconstruct = Reconstruction(args.vae, place.device)
    torch.manual_seed(args.seed + 1 + place.rank + loop.step)
    averaged = cast(open_clip.CLIP, loop.averaged)
    for _ in loop:
        batch = frames.draw(n)
        image, shown = spoil(batch)
        image = recoloured(image, 0.1)
        decoded = reconstruct(image[::2], LATENT_NOISE)
        if decoded is not None:
            image[::2] = blurred(decoded, 1.0)
        tokens, said = captions.draw(batch.clips, n // 2)
        with place.autocast():
            pictured = model.encode_image(normal(image), normalize=True).float()
            told = model.encode_text(tokens, normalize=True).float()
        true = Said.of(batch.clips, place.device)
        contrast, calibration = losses(pictured @ told.T, true, said, shown)
        loop.update(
            contrast + CALIBRATION * calibration,
            contrast=contrast,
            calibration=calibration,
            reconstructions=float(decoded is not None),
        )
        if loop.every("accuracy", 60.0, at_once=False):
            loop.note(**measure(averaged, renderer, captions, 512))
    return loop


class Reader:
    """Zero-shot names of object, scene and attribute, by the nearest caption.

    Args:
        model: open_clip's.
        captions: For the tokens.
    """

    def __init__(self, model: Any, captions: Captions) -> None:
        self.model, self.captions = model, captions
        self._known: dict[str, Tensor] = {}

    @torch.no_grad()
    def texts(self, texts: list[str]) -> Tensor:
        """Unit embeddings of captions; each is made once."""
        new = sorted(set(texts) - self._known.keys())
        for start in range(0, len(new), 1024):
            some = new[start : start + 1024]
            embedded = self.model.encode_text(self.captions.tokens(some), normalize=True).float()
            self._known.update(zip(some, embedded, strict=True))
        return torch.stack([self._known[text] for text in texts])

    def read(self, seen: Tensor, clips: Clips) -> dict[str, Tensor]:
        """Classify clips by their unit embeddings.

        `object`, `scene` and `attribute` are booleans: whether the nearest caption is the right
        one among all objects (with the true attribute), all scenes, and all attributes of the
        true kind beside "plain". The last is meant for clips that have an attribute.
        """
        scenes = self.texts([caption(None, s) for s in range(len(SCENES))])
        rows: dict[str, list[Tensor]] = {"object": [], "attribute": []}
        for o, s, a, e in zip(
            clips.object.tolist(), clips.scene.tolist(), clips.attribute.tolist(), seen, strict=True
        ):
            named = [caption(k, None, None, a) for k in range(len(OBJECTS)) if SECOND + k != a]
            right = named.index(caption(o, None, None, a))
            rows["object"].append((self.texts(named) @ e).argmax() == right)
            some = (PLAIN, *attributes_of(kind_of(a))) if a != PLAIN else (PLAIN,)
            some = tuple(b for b in some if b != SECOND + o)
            phrases = [caption(o, s, None, b) for b in some]
            rows["attribute"].append((self.texts(phrases) @ e).argmax() == some.index(a))
        found = {name: torch.stack(row) for name, row in rows.items()}
        return {**found, "scene": (seen @ scenes.T).argmax(1).cpu() == clips.scene}


@torch.no_grad()
def measure(
    model: Any,
    renderer: Renderer,
    captions: Captions,
    count: int,
    reconstruct: Reconstruction | None = None,
) -> dict[str, float]:
    """Zero-shot accuracy on held-out frames, and mean cosines of right and half-right captions."""
    model.eval()
    reader, frames = Reader(model, captions), Frames(renderer, 2, "val")
    rows: dict[str, list[Tensor]] = {}
    for _ in range(math.ceil(count / 256)):
        batch = frames.draw(min(256, count))
        image = batch.image
        if reconstruct is not None:
            image = cast(Tensor, reconstruct(image))
        seen = model.encode_image(normal(image), normalize=True).float()
        clips = batch.clips
        found = reader.read(seen, clips)
        extra = clips.attribute != PLAIN
        for kind in KINDS[1:]:
            here = torch.tensor([kind_of(a) == kind for a in clips.attribute.tolist()])
            rows.setdefault(kind, []).append(found["attribute"][here])
        rows.setdefault("object", []).append(found["object"])
        rows.setdefault("scene", []).append(found["scene"])
        for name, texts in _half_right(clips).items():
            cosine = (seen * reader.texts(texts)).sum(1).cpu()
            rows.setdefault(name, []).append(cosine[extra] if "attribute" in name else cosine)
    means = {name: torch.cat([r.float().cpu() for r in row]) for name, row in rows.items()}
    return {name: round(float(row.mean()), 4) for name, row in means.items() if len(row)}


def _half_right(clips: Clips) -> dict[str, list[str]]:
    """Captions of clips with one claim or all made wrong."""
    columns = (clips.object.tolist(), clips.scene.tolist(), clips.attribute.tolist())
    rows = list(zip(*columns, strict=True))
    many, places = len(OBJECTS), len(SCENES)

    def other(o: int, a: int) -> int:
        return next(k for k in ((o + 7) % many, (o + 8) % many) if SECOND + k != a)

    return {
        "cosine_right": [caption(o, s, None, a) for o, s, a in rows],
        "cosine_wrong_attribute": [caption(o, s) for o, s, _ in rows],
        "cosine_wrong_object": [caption(other(o, a), s, None, a) for o, s, a in rows],
        "cosine_wrong_scene": [caption(o, (s + 3) % places, None, a) for o, s, a in rows],
        "cosine_all_wrong": [caption((o + 7) % many, (s + 3) % places) for o, s, _ in rows],
    }


def save(model: nn.Module, kind: str, folder: Path, smoke: bool = False) -> None:
    """Write open_clip's folder, the weights in half precision."""
    half = [0.5, 0.5, 0.5]
    preprocess = {"mean": half, "std": half, "interpolation": "bicubic", "resize_mode": "shortest"}
    stored = {"model_cfg": config(kind, smoke), "preprocess_cfg": preprocess}
    write_text(folder / "open_clip_config.json", json.dumps(stored, indent=2) + "\n")
    tokenizers.save(folder, "PreTrainedTokenizerFast")
    state = {
        name: (value.half() if value.is_floating_point() else value).contiguous().cpu()
        for name, value in model.state_dict().items()
    }
    with atomic_path(folder / "open_clip_model.safetensors") as temporary:
        save_file(state, temporary)


def main() -> None:
    """Train the model, write it, load it again and measure it."""
    parser = options("Train a text model of emoji-wan.")
    parser.add_argument("--kind", choices=["residual", "patches"], default="residual")
    parser.add_argument("--vae", type=Path, help="folder of an image VAE for reconstructions")
    args = parser.parse_args()
    place = join(args.device)
    renderer = Renderer(place.device)
    loop = train(place, args, renderer)
    leave(place)
    if not place.leads:
        return
    folder = args.output / args.kind
    save(loop.averaged, args.kind, folder, args.smoke)
    stored, _, _ = open_clip.create_model_and_transforms(f"local-dir:{folder}", device=place.device)
    count, captions = 16 if args.smoke else 2048, Captions(place.device, 0)
    report = {"true": measure(stored, renderer, captions, count)}
    reconstruct = Reconstruction(args.vae, place.device)
    if reconstruct(torch.zeros(1, 3, 128, 128, device=place.device)) is not None:
        report["reconstructed"] = measure(stored, renderer, captions, count, reconstruct)
    write_report(folder / "report.json", loop, {"kind": args.kind, "seed": args.seed, **report})


if __name__ == "__main__":
    main()
