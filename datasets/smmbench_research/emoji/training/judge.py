r"""Train the judge and the locator: see `smmbench_datasets.emoji.judges`.

    python -m smmbench_research.emoji.training.judge \
        --seconds 250 --output DIR --vae DIR/vae-snapshot

Writes `DIR/judge/{judge,locator}.safetensors` in half precision. Never use either to train or tune
a
generator: they are held-out evaluators of whether it shows what it should.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as nnf
from jaxtyping import Float, Int
from safetensors.torch import save_file
from torch import Tensor, nn

from smmbench.storage.atomic import atomic_path
from smmbench_datasets.emoji.judges import (
    NOTHING,
    Judge,
    Locator,
    cell_places,
    centre_of,
    load_judge,
    load_locator,
)
from smmbench_datasets.emoji.world import World
from smmbench_research.emoji.training.frames import (
    Frames,
    Reconstruction,
    blurred,
    recoloured,
    shuffled,
)
from smmbench_research.emoji.training.loop import Loop, Place, join, leave, options, write_report

SIDE = 128  # pixels of a frame
SPREAD = 3.0  # pixels; deviation of the locator's target
LATENT_NOISE = 0.3  # maximum, in standard deviations


class Witnesses(nn.Module):
    """Both networks, trained in one loop on separate frames."""

    def __init__(self) -> None:
        super().__init__()
        self.judge, self.locator = Judge(), Locator()


def backgrounds(n: int, device: torch.device) -> Float[Tensor, "n 3 128 128"]:
    """Synthetic backgrounds: a gradient, clouds of every size, flat patches with hard edges."""

    def uniform(*shape: int) -> Tensor:
        return torch.rand(*shape, device=device)

    picture = nnf.interpolate(uniform(n, 3, 2, 2), SIDE, mode="bilinear", align_corners=True)
    for cells in (4, 8, 16, 32, 64, 128):
        strength = 0.5 * uniform(n, 1, 1, 1) ** 2 * (8 / (8 + cells))
        cloud = nnf.interpolate(uniform(n, 3, cells, cells), SIDE, mode="bilinear")
        picture = picture + strength * (2 * cloud - 1)
    reach = torch.arange(SIDE, device=device)
    for _ in range(6):
        centre, half = SIDE * uniform(n, 2, 1), 4 + 24 * uniform(n, 2, 1) ** 2
        x, y = ((reach - centre) / half).unbind(1)
        x, y = x[:, None, :].abs(), y[:, :, None].abs()
        power = torch.where(uniform(n, 1, 1) < 0.5, 2.0, 8.0)  # ellipse or near rectangle
        inside = ((x**power + y**power) < 1) & (uniform(n, 1, 1) < 0.6)
        picture = torch.where(inside[:, None], uniform(n, 3, 1, 1), picture)
    return picture.clamp(0, 1)


def recoloured_sprites(sprite: Tensor) -> Tensor:
    """Premultiplied sprites in other colours, a quarter of them grey, so that shape decides."""
    n, device = len(sprite), sprite.device
    colour, alpha = sprite[:, :3], sprite[:, 3:]
    mix = torch.eye(3, device=device) + 0.18 * torch.randn(n, 3, 3, device=device)
    mix = mix / mix.sum(2, keepdim=True)
    grey = colour.mean(1, keepdim=True).expand_as(colour)
    is_grey = torch.rand(n, 1, 1, 1, device=device) < 0.25
    colour = torch.where(is_grey, grey, torch.einsum("nij,njhw->nihw", mix, colour))
    gain = 1 + 0.35 * (2 * torch.rand(n, 3, 1, 1, device=device) - 1)
    shift = 0.2 * (2 * torch.rand(n, 3, 1, 1, device=device) - 1)
    return torch.cat([(colour * gain + shift * alpha).clamp(min=0).minimum(alpha), alpha], 1)


def placements(n: int, device: torch.device) -> Tensor:
    """Affine maps from a frame to a sprite's tile: turned, flipped, sheared, scaled, moved."""

    def uniform(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(n, device=device)

    size = 24 * (80 / 24) ** uniform(0, 1)  # pixels of the tile's side
    angle, shear = uniform(-20, 20) * math.pi / 180, uniform(-0.2, 0.2)
    flip, stretch = torch.sign(uniform(-1, 1)), uniform(0.85, 1.18)
    scale = SIDE / size
    cos, sin = torch.cos(angle), torch.sin(angle)
    linear = (
        torch.stack(
            [
                torch.stack([flip * stretch * cos, flip * stretch * (sin + shear * cos)], 1),
                torch.stack([-sin, cos - shear * sin], 1),
            ],
            1,
        )
        * scale[:, None, None]
    )
    room = 1 - 0.85 * size / SIDE  # of the centre, so that nearly all of the sprite is visible
    centre = torch.stack([room * uniform(-1, 1), room * uniform(-1, 1)], 1)
    return torch.cat([linear, -(linear @ centre[:, :, None])], 2)


def other_renderings(
    atlas: Float[Tensor, "objects 4 128 128"], n: int
) -> tuple[Float[Tensor, "n 3 128 128"], Int[Tensor, " n"], Tensor]:
    """Draw sprites as the world never does, on backgrounds that it does not have.

    Returns:
        Frames, their classes, and which of them show a sprite with shuffled parts. Those and empty
        backgrounds belong to the class of no object.
    """
    device = atlas.device
    label = torch.randint(len(atlas), (n,), device=device)
    row = torch.arange(n, device=device)
    broken, empty = row < n // 8, (row >= n // 8) & (row < n // 8 + n // 16)
    sprite = recoloured_sprites(nnf.avg_pool2d(atlas, 2)[label])
    for cells, part in ((4, slice(0, n // 16)), (8, slice(n // 16, n // 8))):
        side = sprite.shape[-1]
        middle = torch.full((len(sprite[part]), 2), side // 2, device=device)
        sprite[part] = shuffled(sprite[part], middle, side, cells)
    grid = nnf.affine_grid(placements(n, device), [n, 4, SIDE, SIDE], align_corners=False)
    placed = nnf.grid_sample(sprite, grid, align_corners=False) * ~empty[:, None, None, None]
    picture = placed[:, :3] + (1 - placed[:, 3:]) * backgrounds(n, device)
    picture = blurred(recoloured(picture.clamp(0, 1), 0.1), 1.2)
    noise = 0.04 * torch.rand(n, 1, 1, 1, device=device)
    picture = (picture + noise * torch.randn_like(picture)).clamp(0, 1)
    return picture, torch.where(broken | empty, NOTHING, label), broken


def location_loss(logits: Tensor, centre: Tensor) -> Tensor:
    """Cross entropy against a Gaussian around the centre, and distance of the mean place."""
    place = cell_places(SIDE, logits.device)
    x = -((place - centre[:, :1]) ** 2) / (2 * SPREAD**2)
    y = -((place - centre[:, 1:]) ** 2) / (2 * SPREAD**2)
    target = (y[:, :, None] + x[:, None, :]).flatten(1).softmax(1)
    entropy = -(target * logits.flatten(1).log_softmax(1)).sum(1).mean()
    distance = (centre_of(logits) - centre).abs().sum(1).clamp(max=20).mean()
    return entropy + 0.3 * distance


def train(place: Place, args: argparse.Namespace, world: World) -> Loop:
    """Train both until time runs out."""
    torch.manual_seed(args.seed)
    model = Witnesses().to(place.device).to(memory_format=torch.channels_last)
    loop = Loop(
        model, place, args.output, "judge", args.seconds, weight_decay=0.03, resume=args.resume
    )
    judge: Callable[[Tensor], Tensor] = model.judge
    locator: Callable[[Tensor], Tensor] = model.locator
    if not (args.smoke or args.no_compile):
        judge, locator = torch.compile(model.judge), torch.compile(model.locator)
    n = args.batch or (16 if args.smoke else 512)
    frames = Frames(world, 1000 * (args.seed + 1) + 900 + place.rank + 7 * loop.step)
    reconstruct = Reconstruction(args.vae, place.device)
    torch.manual_seed(args.seed + 1 + place.rank)
    for _ in loop:
        picture, label, _ = other_renderings(world.atlas, n)
        batch = frames.draw(n // 2)
        image = batch.image.clone()
        decoded = reconstruct(image[::2], LATENT_NOISE)
        if decoded is not None:
            image[::2] = decoded
        image = recoloured(image, 0.1)
        with place.autocast():
            logits = judge(picture.contiguous(memory_format=torch.channels_last)).float()
            places = locator(image.contiguous(memory_format=torch.channels_last)).float()
        naming = nnf.cross_entropy(logits, label)
        finding = location_loss(places, batch.centre)
        loop.update(
            naming + 0.3 * finding,
            naming=naming,
            finding=finding,
            named=(logits.argmax(1) == label).float().mean(),
            pixels=(centre_of(places.detach()) - batch.centre).norm(dim=1).median(),
            reconstructions=float(decoded is not None),
        )
    return loop


@torch.no_grad()
def measure(
    judge: Judge, locator: Locator, world: World, count: int, vae: Path | None, seed: int = 5
) -> dict[str, dict[str, float]]:
    """Measure both on their own renderings, on the world's frames, and after the VAE."""
    torch.manual_seed(seed)
    picture, label, broken = other_renderings(world.atlas, min(count, 1024))
    named = judge.classify(picture).argmax(1)
    report = {
        "own_renderings": {
            "object": _share(named[label < NOTHING] == label[label < NOTHING]),
            "broken_called_nothing": _share(named[broken] == NOTHING),
        }
    }
    reconstruct = Reconstruction(vae, world.device)
    kinds: list[tuple[str, Callable[[Tensor], Tensor | None]]] = [("true", lambda image: image)]
    kinds.append(("reconstructed", reconstruct))
    for name, change in kinds:
        frames = Frames(world, seed, "val")
        rows = []
        for _ in range(math.ceil(count / 256)):
            batch = frames.draw(min(256, count))
            image = change(batch.image)
            spoilt = change(shuffled(batch.image, batch.centre.round().long(), side=72, cells=6))
            if image is None or spoilt is None:
                break
            truth = batch.clips.object.to(image.device)
            named, named_spoilt = judge.classify(image).argmax(1), judge.classify(spoilt).argmax(1)
            distance = (locator.locate(image) - batch.centre).norm(dim=1)
            flags = [named == truth, named_spoilt == NOTHING, named_spoilt == truth]
            rows.append(torch.stack([*(flag.float() for flag in flags), distance]))
        if rows:
            each = torch.cat(rows, dim=1)
            report[name] = {
                "object": round(float(each[0].mean()), 4),
                "broken_called_nothing": round(float(each[1].mean()), 4),
                "broken_still_named": round(float(each[2].mean()), 4),
                "pixels_mean": round(float(each[3].mean()), 3),
                "pixels_p95": round(float(each[3].quantile(0.95)), 3),
            }
    return report


def _share(flags: Tensor) -> float:
    return round(float(flags.float().mean()), 4) if len(flags) else math.nan


def save(network: nn.Module, path: Path) -> None:
    """Write the weights in half precision."""
    state = {name: v.half().contiguous().cpu() for name, v in network.state_dict().items()}
    with atomic_path(path) as temporary:
        save_file(state, temporary)


def main() -> None:
    """Train the networks, write them, load them again and measure them."""
    parser = options("Train the judge and the locator of the emoji world.")
    parser.add_argument("--vae", type=Path, help="folder of a VAE, or where one will appear")
    args = parser.parse_args()
    place = join(args.device)
    world = World(place.device)
    loop = train(place, args, world)
    leave(place)
    if not place.leads:
        return
    folder = args.output / "judge"
    assert isinstance(loop.averaged, Witnesses)
    save(loop.averaged.judge, folder / "judge.safetensors")
    save(loop.averaged.locator, folder / "locator.safetensors")
    judge, locator = load_judge(place.device, folder), load_locator(place.device, folder)
    count = 32 if args.smoke else 2048
    write_report(folder / "report.json", loop, measure(judge, locator, world, count, args.vae))


if __name__ == "__main__":
    main()
