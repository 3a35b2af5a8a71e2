"""FastVMT: attention motion flow of tiles within a window, with gradients used three times.

"FastVMT", ICLR 2026 (github.com/mayuelala/FastVMT). Unlike DiTFlow, it compares only neighbouring
frames and nearby positions, and starts from the noised clip.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor
from typing_extensions import Doc

from smmbench.diffusion.denoiser import Latent, Text
from smmbench.diffusion.guidance import descend, loss_scale
from smmbench.diffusion.method import DiffusionMethod, Prepared, one_by_one, timings, together
from smmbench.diffusion.noise import generators, noise
from smmbench.diffusion.parameters import check_levels, refuse_below
from smmbench.diffusion.probe import small_input
from smmbench.diffusion.sampling import sample_guided
from smmbench.diffusion.schedule import Prediction, Timestep, within
from smmbench.diffusion.support import Support, original, ported, undefined
from smmbench.method import Card, Source
from smmbench.method.search_space import Choices, LogRange, Space
from smmbench.video import Video
from smmbench_baselines.attention import attention_layers, latent_time, projections
from smmbench_baselines.ditflow import places
from smmbench_baselines.guided import DescentParameters

Grid = Float[Tensor, "batch _time _rows _columns _width"]


@dataclass(frozen=True)
class Parameters(DescentParameters):
    """Parameters of FastVMT; values of its published code."""

    guidance: Annotated[float, Doc("Classifier-free guidance scale; 1 disables it.")] = 5.8
    start_level: Annotated[
        float, Doc("Noise level of the clip from which sampling starts; 1: pure noise.")
    ] = 0.988
    guided_to: Annotated[
        float, Doc("Noise level at which guidance ends: 10 of 50 steps at shift 7.")
    ] = 0.95
    iterations: Annotated[int, Doc("AdamW iterations in each guided step.")] = 10
    rates: Annotated[
        tuple[float, float], Doc("AdamW learning rates, first to last guided step.")
    ] = (
        0.003,
        0.002,
    )
    every: Annotated[int, Doc("Number of iterations that reuse one gradient.")] = 3
    layers: Annotated[
        tuple[str, ...], Doc("Attention layers; none: that of the middle block.")
    ] = ()
    tile: Annotated[
        tuple[int, int], Doc("Rows and columns of a tile, whose queries are averaged.")
    ] = (3, 4)
    window: Annotated[
        int, Doc("Rows and columns of the window around a tile in which it is searched.")
    ] = 21
    flow_weight: Annotated[float, Doc("Weight of the squared error of the flow.")] = 5.0
    key_weight: Annotated[float, Doc("Weight of the squared error of the windows' mean keys.")] = (
        1.0
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        check_levels(self, "start_level")
        refuse_below(self, 1, "every", "tile", "window")
        refuse_below(self, 0, "flow_weight", "key_weight")


# The comparison -----------------------------------------------------------------------------------


def tiles(x: Grid, tile: tuple[int, int]) -> Grid:
    """Means over tiles; those at the border may be smaller."""
    rows, columns = x.shape[2:4]
    frames = x.flatten(0, 1).movedim(-1, 1)
    means = F.avg_pool2d(
        frames,
        (min(tile[0], rows), min(tile[1], columns)),
        ceil_mode=True,
        count_include_pad=False,
    )
    return torch.unflatten(means.movedim(1, -1), 0, x.shape[:2])


def tile_flow(
    q: Grid, k: Grid, tile: tuple[int, int], window: int, temperature: float = 1.0
) -> Float[Tensor, "batch step tile 2"]:
    """Find each tile of a frame in the next frame: the mean position under the softmax.

    Args:
        q: Queries, scaled as in the attention.
        k: Keys.
        tile: Rows and columns of a tile.
        window: Rows and columns of the window around a tile's centre.
        temperature: Factor of the logits.

    Returns:
        Displacements (x, y) from the tile's centre, in positions of the grid.
    """
    rows, columns = k.shape[2:4]
    averaged = tiles(q, tile)
    grid = places(rows, columns).to(k)
    middles = tiles(torch.unflatten(grid, 0, (rows, columns))[None, None], tile).flatten(2, 3)[0, 0]
    near = ((grid[None] - middles[:, None]).abs() <= window // 2 + 0.5).all(-1)
    logits = averaged[:, :-1].flatten(2, 3) @ k[:, 1:].flatten(2, 3).mT * temperature
    found = logits.masked_fill(~near, float("-inf")).softmax(-1) @ grid
    return found - middles


def window_means(k: Grid, window: int) -> Grid:
    """Mean keys of the windows around all positions, cut at the border."""
    size = 2 * (window // 2) + 1
    frames = k.flatten(0, 1).movedim(-1, 1)
    means = F.avg_pool2d(frames, size, 1, size // 2, count_include_pad=False)
    return torch.unflatten(means.movedim(1, -1), 0, k.shape[:2])


# The method ---------------------------------------------------------------------------------------


class FastVMT(DiffusionMethod[Parameters, Prepared]):
    """Guides the noised clip by the difference of tile flows and of windows' mean keys."""

    Parameters = Parameters
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "paper": {
            "model": "Wan-AI/Wan2.1-T2V-1.3B-Diffusers",
            "dtype": "bfloat16",
            "layers": ("blocks.14.attn1",),
            "prompt_prefix": "",
            "negative_prompt": "",
        },
    }
    search: ClassVar[Mapping[str, Space]] = {
        "start_level": Choices(0.95, 0.988, 1.0),
        "iterations": Choices(5, 10, 20),
        "flow_weight": LogRange(1.0, 50.0),
    }
    families: ClassVar[Mapping[str, Support]] = {
        "unet-3d": undefined("its attention never joins frames, so no tile can be followed."),
        "wan": original("block 14 of Wan2.1-T2V-1.3B"),
        "cogvideox": ported("the middle block; 17,550 positions at 49 frames of 480x720"),
    }
    card = Card(
        title="FastVMT",
        kind="baseline",
        paper="FastVMT, ICLR 2026",
        code="https://github.com/mayuelala/FastVMT",
        licence="Apache-2.0",
        notes=(
            "Reimplemented from a description of the published code, not checked against it: "
            "tiles, window, weights, rates and blocks are the original's; the flow of a tile as "
            "the mean position under the softmax is ours, on the network's own grid. It starts "
            "from the noised source, so it is partly SDEdit; start_level=1 starts from "
            "noise. The original samples at shift 7; here the model's own shift applies, and "
            "windows are noise levels."
        ),
        backbone="Wan2.1-T2V, CogVideoX",
        original="Wan2.1-T2V-1.3B",
        values="the published code",
        tuned="not tuned yet",
    )

    def check_model(self) -> None:
        """Test the layers once before any clip is processed."""
        x, text = small_input(self.backbone)
        with torch.no_grad():
            self._looked_at(x, 0, text)

    def prepare_batch(self, sources: Sequence[Source]) -> list[Prepared]:
        """Encode the clips."""
        return one_by_one(self.encode(sources), sources)

    def transfer_batch(
        self, prepared: Sequence[Prepared], prompts: Sequence[str], seeds: Sequence[int]
    ) -> list[Video]:
        """Sample from the noised clips, guided in the noisy steps."""
        p, schedule = self.parameters, self.backbone.schedule
        clean, text = together(prepared), self.embed(prompts)
        eps = noise(clean, generators(seeds))
        timesteps = within(schedule, schedule.timesteps(p.steps), p.start_level, 0.0)
        guided = within(schedule, timesteps, p.guided_from, p.guided_to)
        rates = dict(zip(guided, np.linspace(*p.rates, len(guided)).tolist(), strict=True))

        def guide(x: Latent, t: Timestep) -> Latent:
            return self._descend(x, clean, eps, t, text, rates[t]) if t in rates else x

        start = schedule.at(timesteps[0], Prediction(clean, eps)) if timesteps else clean
        x = sample_guided(schedule, self.denoise(text), start, timesteps, guide)
        return self.videos(x, timings(prepared))

    def _descend(
        self, x: Latent, clean: Latent, eps: Latent, t: Timestep, text: Text, rate: float
    ) -> Latent:
        """Run AdamW on the latent; a gradient is used for several iterations."""
        p, backbone = self.parameters, self.backbone
        with torch.no_grad():
            noisy = backbone.schedule.at(t, Prediction(clean, eps))
            reference = self._looked_at(noisy, t, backbone.embed([""] * len(clean)))

        def loss(x: Latent) -> Float[Tensor, " batch"]:
            total = torch.zeros(len(x), device=x.device)
            for (flow, keys), (flow0, keys0) in zip(
                self._looked_at(x, t, text), reference, strict=True
            ):
                total = total + p.flow_weight * (flow - flow0).square().flatten(1).mean(1)
                total = total + p.key_weight * (keys - keys0).square().flatten(1).mean(1)
            return total

        return descend(
            x,
            loss,
            p.iterations,
            rate,
            f"guidance at timestep {t:g}",
            loss_scale(p.dtype),
            backbone.denoiser.spare,
            p.every,
            torch.optim.AdamW,
        )

    def _looked_at(
        self, x: Latent, t: Timestep, text: Text
    ) -> list[tuple[Float[Tensor, "batch step tile 2"], Grid]]:
        """Flow of tiles and mean keys of windows, for each layer."""
        p, denoiser = self.parameters, self.backbone.denoiser
        _, rows, columns = self.backbone.family.patch(denoiser.network)
        sides = latent_time(denoiser, x), x.shape[3] // rows, x.shape[4] // columns
        layers = attention_layers(denoiser, p.layers)
        found = []
        for one in projections(denoiser, x, t, text, layers).values():
            q, k = (part.reshape(len(x), *sides, part.shape[-1]) for part in (one.q, one.k))
            # The mean over heads of the heads' products is the product over the whole width.
            q = q / (one.heads * (q.shape[-1] / one.heads) ** 0.5)
            found.append((tile_flow(q, k, p.tile, p.window), window_means(k, p.window)))
        return found
