"""Guided baselines: each comparison does what its paper says; each method keeps the contract."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from smmbench.diffusion.backbone import Backbone, load_backbone
from smmbench.diffusion.capture import capture
from smmbench.diffusion.guidance import FIRST_LOSS, LAST_LOSS
from smmbench.diffusion.method import DiffusionMethod
from smmbench.diffusion.schedule import Prediction, within
from smmbench.method import Source
from smmbench.method.parameters import build_parameters
from smmbench.method.reporting import collecting, series_of
from smmbench.resolving import find_method
from smmbench.smm import SMM, smm_loss
from smmbench.video import Video
from smmbench_baselines import moft
from smmbench_baselines.attention import (
    Projected,
    cross_frame_logits,
    grid_of,
    probabilities,
    projections,
    temporal_layers,
)
from smmbench_baselines.ditflow import DiTFlow, flow_loss, hard_flow, places, soft_flow
from smmbench_baselines.guided import ReferenceGuided
from smmbench_baselines.moft import MOFT, leading_channels, motion_feature, pan, region_mean
from smmbench_baselines.motion_clone import (
    MotionClone,
    attention_loss,
    strength,
    strongest,
    uneven_timesteps,
)
from smmbench_baselines.moving import differs, moving_region, resized
from smmbench_baselines.smm_ditflow import SMMDiTFlow, anchored_loss
from smmbench_baselines.smm_grid import SMMGrid
from smmbench_baselines.smm_mask import SMMMask, Which, area_differences, pair_areas, region_loss

SMALL: dict[str, Any] = {
    "dtype": "float32",
    "steps": 3,
    "guidance": 3.0,
    "prompt_prefix": "",
    "negative_prompt": "",
}
SHORT: dict[type[DiffusionMethod[Any, Any]], dict[str, Any]] = {
    MOFT: {
        "inversion_steps": 2,
        "reference_level": 1.0,
        "guided_from": 1.0,
        "guided_to": 0.7,
        "weight": 1e4,
    },
    MotionClone: {"guided_steps": 2, "warm_up": 1, "cool_down": 1, "weight": 1e5},
    DiTFlow: {"guided_to": 0.7, "iterations": 2, "rates": (0.1, 0.1)},
    SMMDiTFlow: {"guided_to": 0.7, "iterations": 2, "rates": (0.1, 0.1)},
    SMMGrid: {"inversion_steps": 3, "iterations": 2, "downsample": 2, "rates": (0.1, 0.1)},
    SMMMask: {"inversion_steps": 3, "iterations": 2, "downsample": 2, "rates": (0.1, 0.1)},
}
FROM_NOISE = (MOFT, MotionClone, DiTFlow, SMMDiTFlow)


@pytest.fixture(scope="module")
def backbone(tiny_backbone: Path) -> Backbone:
    return load_backbone(str(tiny_backbone))


def random(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def clip(seed: int, prompt: str = "a dog") -> Source:
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (3, 4, 6, 3), dtype=np.uint8)
    video = Video(coarse.repeat(8, axis=1).repeat(8, axis=2), fps=8.0)
    return Source(f"clip-{seed}", video, prompt, lambda: video)


def make(method: type[DiffusionMethod[Any, Any]], backbone: Backbone, **changes: Any) -> Any:
    return method(method.Parameters(**{**SMALL, **SHORT[method], **changes}), "cpu", backbone)


# MOFT


def test_moft_does_not_see_what_all_frames_share() -> None:
    f = random(2, 4, 6, 3, 5)
    appearance = random(2, 1, 6, 3, 5, seed=1)  # of each place and channel
    region = torch.zeros(2, 3, 5, dtype=torch.bool)
    region[:, 1, 2:] = True
    channels = torch.tensor([[0, 3], [5, 1]])
    found = motion_feature(f, region, channels)
    torch.testing.assert_close(motion_feature(f + appearance, region, channels), found)
    assert motion_feature(f[:, :1].expand(-1, 4, -1, -1, -1), region, channels).abs().max() < 1e-12
    # Something that grows over time is seen, in its channel alone.
    grows = f.clone()
    grows[:, :, 3] += torch.arange(4.0).view(4, 1, 1)
    change = motion_feature(grows, region, channels) - found
    torch.testing.assert_close(change[0, :, 1], torch.tensor([-1.5, -0.5, 0.5, 1.5]).double())
    assert change[0, :, 0].abs().max() < 1e-12
    assert change[1].abs().max() < 1e-12


def test_a_region_is_averaged_alone_and_an_empty_one_is_the_frame() -> None:
    f = random(2, 3, 4, 2, 2)
    region = torch.tensor([[[True, False], [True, False]], [[False, False], [False, False]]])
    means = region_mean(f, region)
    torch.testing.assert_close(means[0], f[0, ..., 0].mean(-1))
    torch.testing.assert_close(means[1], f[1].mean((-2, -1)))


def test_the_leading_channels_are_those_that_vary_together() -> None:
    way = random(1, 50, 1)
    samples = 0.1 * random(1, 50, 6, seed=1)
    samples[..., [2]] += 3 * way
    samples[..., [5]] -= 2 * way
    samples[..., 4] += 100  # large, and the same everywhere
    assert leading_channels(samples, 2).tolist() == [[2, 5]]


def test_a_window_that_goes_right_makes_the_scene_go_left() -> None:
    still = np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    right = pan(still, 5, (1, 0), 1.5)  # 8 pixels become 12: one pixel a frame
    assert right.shape == (5, 6, 8, 3)
    for t in range(4):
        assert np.array_equal(right[t + 1][:, :-1], right[t][:, 1:])
    assert np.array_equal(pan(still, 5, (-1, 0), 1.5), right[::-1])
    down = pan(still, 4, (0, 1), 1.5)
    assert np.array_equal(down[1][:-1], down[0][1:])
    assert not np.ptp(pan(still, 5, (0, 0), 1.5), axis=0).any()


@pytest.mark.parametrize("source", ["pans", "clip", "all"])
def test_the_channels_are_the_clips_own(backbone: Backbone, source: str) -> None:
    made = make(MOFT, backbone, channels_from=source, share=0.25, axes=("horizontal",))
    prepared = made.prepare_batch([clip(0), clip(1)])
    kept = [one.reference["channels"].shape for one in prepared]
    assert kept == [(1, 16 if source == "all" else 4)] * 2


def test_moft_steps_only_within_its_region(backbone: Backbone) -> None:
    made = make(MOFT, backbone)
    reference = made.prepare(clip(0)).reference
    reference["region"] = torch.zeros(1, 4, 6, dtype=torch.bool)
    reference["region"][:, :, 2:] = True
    x, t = random(1, 4, 3, 4, 6).float(), made.timesteps()[0]
    moved = made.guide(made.embed(["a cat"]), reference)(x, t) - x
    assert not moved[..., :2].any()
    assert moved[..., 2:].any()
    assert not (made.guide(made.embed(["a cat"]), reference)(x, made.timesteps()[2]) - x).any()


def test_moft_reports_the_loss_of_its_first_and_last_repeat(backbone: Backbone) -> None:
    made = make(MOFT, backbone, repeats=3, weight=10.0)  # more overshoots on random weights
    prepared = made.prepare(clip(0))
    with collecting() as reports:
        made.transfer(prepared, "a cat", 0)
    (series,) = series_of(reports, 1)
    guided = within(made.backbone.schedule, made.timesteps(), 1.0, 0.7)
    assert len(series[FIRST_LOSS]) == len(series[LAST_LOSS]) == len(guided) > 0
    assert sum(series[LAST_LOSS]) < sum(series[FIRST_LOSS])


# Attention


def test_heads_are_averaged(seed: int = 3) -> None:
    batch, time, cells, heads, width = 2, 3, 4, 2, 5
    q, k = (
        random(batch * time, cells, heads * width),
        random(batch * time, cells, heads * width, seed=1),
    )
    found = cross_frame_logits(Projected(q, k, heads), batch, len(q) // batch)
    a, b = (side.view(batch, time, cells, heads, width) for side in (q, k))
    wanted = torch.einsum("bipha,bjqha->bhipjq", a, b).mean(1) / math.sqrt(width)
    torch.testing.assert_close(found, wanted)


def test_probabilities_are_the_networks_own(backbone: Backbone) -> None:
    """They rebuild the layer's output from its values."""
    unet = backbone.denoiser.network
    (layer, *_) = temporal_layers(unet, "up_blocks.1")
    x, text = random(1, 4, 3, 4, 6).float(), backbone.embed(["a dog"])
    with torch.no_grad():
        with capture(unet, [layer, f"{layer}.to_v"]) as found:
            backbone.denoiser.output(x, 500, text)
        attention = probabilities(projections(backbone.denoiser, x, 500, text, [layer])[layer])
    torch.testing.assert_close(attention.sum(-1), torch.ones(attention.shape[:-1]))
    heads = attention.shape[1]
    values = torch.unflatten(found[f"{layer}.to_v"], -1, (heads, -1)).movedim(2, 1)
    mixed = (attention @ values).movedim(1, 2).flatten(2)
    out = dict(unet.named_modules())[f"{layer}.to_out.0"]
    torch.testing.assert_close(out(mixed), found[layer], rtol=1e-4, atol=1e-5)


def test_a_block_without_attention_over_time_is_refused(backbone: Backbone) -> None:
    with pytest.raises(
        LookupError, match=r"'up_blocks\.0' has no attention over time.*up_blocks\.1"
    ):
        temporal_layers(backbone.denoiser.network, "up_blocks.0")
    with pytest.raises(LookupError, match=r"no layer 'conv_in\.to_q'"):
        projections(
            backbone.denoiser, torch.zeros(1, 4, 2, 4, 6), 0, backbone.embed([""]), ["conv_in"]
        )


@pytest.mark.parametrize(("places", "grid"), [(2880, (40, 72)), (180, (10, 18)), (45, (5, 9))])
def test_the_grid_of_a_layer(places: int, grid: tuple[int, int]) -> None:
    assert grid_of(places, 40, 72) == grid


def test_places_that_no_level_has() -> None:
    with pytest.raises(ValueError, match="No level of a 40x72 latent has 100 positions"):
        grid_of(100, 40, 72)


# Attention motion flow


def shifted_logits(time: int, rows: int, columns: int, way: tuple[int, int]) -> Tensor:
    """Each place has a code of its own, which moves by `way` a frame and wraps around."""
    codes = torch.eye(rows * columns).view(rows, columns, -1)
    tokens = torch.stack(
        [codes.roll((t * way[1], t * way[0]), (0, 1)).flatten(0, 1) for t in range(time)]
    )
    return cross_frame_logits(Projected(tokens, tokens, 1), 1, len(tokens))


def test_the_flow_recovers_a_known_shift() -> None:
    rows, columns, way = 5, 6, (1, -2)
    logits = shifted_logits(3, rows, columns, way)
    hard = hard_flow(logits, rows, columns)
    soft = soft_flow(logits, rows, columns, 1000.0)
    torch.testing.assert_close(hard, soft, atol=1e-3, rtol=0)
    grid = places(rows, columns)
    for i in range(3):
        for j in range(3):
            wanted = torch.tensor(way) * (j - i)
            goal = grid + wanted
            inside = ((goal >= 0) & (goal < torch.tensor([columns, rows]))).all(-1)
            assert inside.any()
            torch.testing.assert_close(
                hard[0, i, j, inside], wanted.expand(int(inside.sum()), 2).float()
            )


def test_what_stands_still_has_no_flow_and_no_loss() -> None:
    still = hard_flow(shifted_logits(3, 4, 5, (0, 0)), 4, 5)
    assert not still.any()
    moving = hard_flow(shifted_logits(3, 4, 5, (1, 0)), 4, 5)
    assert flow_loss(moving, still).tolist() == [0]  # the reference moves nowhere
    assert flow_loss(moving, moving).tolist() == [0]
    # Only where the reference moves: a frame against itself never counts.
    changed = moving.clone()
    changed[:, range(3), range(3)] += 7
    assert flow_loss(changed, moving).tolist() == [0]
    # Half of each squared step of 2 cells, since x and y are averaged.
    changed = moving + torch.tensor([2.0, 0.0])
    assert flow_loss(changed, moving).tolist() == [2]


def test_the_flow_falls_back_to_the_middle_where_nothing_is_alike() -> None:
    flow = soft_flow(torch.zeros(1, 2, 6, 2, 6), 2, 3, 2.0)
    torch.testing.assert_close(flow[0, 0, 1, 0], torch.tensor([1.0, 0.5]))


def test_the_gradient_of_the_flow_is_that_of_finite_differences() -> None:
    reference = hard_flow(shifted_logits(2, 2, 2, (1, 0)), 2, 2).double()
    q = random(2, 4, 3).requires_grad_()

    def loss(q: Tensor) -> Tensor:
        logits = cross_frame_logits(Projected(q, random(2, 4, 3, seed=1), 1), 1, 2)
        return flow_loss(soft_flow(logits, 2, 2, 2.0), reference)

    assert torch.autograd.gradcheck(loss, q)


# MotionClone


def test_the_strongest_attention_of_each_query() -> None:
    attention = torch.tensor([[0.7, 0.3], [0.9, 0.1]]).view(1, 1, 1, 2, 2)
    values, frames = strongest(attention, 1)
    assert frames.flatten().tolist() == [0, 0]
    torch.testing.assert_close(values.flatten(), torch.tensor([0.7, 0.9]))
    assert strongest(attention, 9)[1].shape[-1] == 2
    # Only the probability of a query's strongest frame counts: .7 against .4, .9 against .9.
    other = torch.tensor([[0.4, 0.5], [0.9, 0.0]]).view(1, 1, 1, 2, 2)
    torch.testing.assert_close(attention_loss(other, values, frames), torch.tensor([0.3**2 / 2]))
    assert attention_loss(attention, values, frames).tolist() == [0]


def test_motion_clone_is_satisfied_by_the_clip_itself(backbone: Backbone) -> None:
    made = make(MotionClone, backbone, reference_level=0.0)
    source = clip(0)
    reference = made.prepare(source).reference
    schedule, empty = backbone.schedule, backbone.embed([""])
    eps = torch.randn(1, 4, 3, 4, 6, generator=torch.Generator().manual_seed(0))
    noisy = schedule.at(0, Prediction(x0=made.encode([source]), noise=eps))
    with torch.no_grad():
        assert made.losses(noisy, 0, empty, reference).item() == pytest.approx(0, abs=1e-6)
        assert made.losses(noisy + 1, 0, empty, reference).item() > 1e-3


def test_uneven_timesteps_of_the_paper() -> None:
    found = uneven_timesteps(1000, 300, 180, 600)
    assert len(found) == 300
    assert found[:180][0] == 999 and found[179] == 600 and found[180] == 599 and found[-1] == 0
    assert list(found) == sorted(set(found), reverse=True)
    assert uneven_timesteps(1000, 4, 4, 500) == (999, 833, 666, 500)
    assert uneven_timesteps(1000, 5, 1, 600)[:2] == (999, 599)  # it starts from noise
    for steps, guided, border in ((1300, 2, 600), (900, 500, 600), (6, 4, 0)):
        with pytest.raises(ValueError, match=rf"{guided} guided steps and {steps - guided} others"):
            uneven_timesteps(1000, steps, guided, border)


def test_guidance_grows_and_falls() -> None:
    found = [strength(step, 180, 10, 10) for step in range(300)]
    assert found[0] == 0.1 and found[9] == 1 and found[100] == 1
    assert found[170] == 1 and found[171] == 0.9 and found[179] == 0.1
    assert not any(found[180:])
    assert [strength(step, 2, 0, 0) for step in range(3)] == [1, 1, 0]


def test_motion_clone_moves_the_noise_alone_and_down_the_loss(backbone: Backbone) -> None:
    made = make(MotionClone, backbone)
    reference, text = made.prepare(clip(0)).reference, made.embed(["a cat"])
    x, t = random(1, 4, 3, 4, 6).float(), made.timesteps()[1]
    plain, guided = made.denoise(text), made.stepping(text, reference)
    with torch.no_grad():
        before, after = plain(x, t), guided(x, t)
        torch.testing.assert_close(after.x0, before.x0)
        away = after.noise - before.noise
        assert away.any()
        small = 1e-3 * away / away.norm()
        # The step goes along eps: a little of it must lower the loss.
        down, up = (made.losses(x + side * small, t, text, reference) for side in (1, -1))
    assert down.item() < up.item()
    last = made.timesteps()[2]  # past the guided steps
    torch.testing.assert_close(guided(x, last).noise, plain(x, last).noise)


# Variants of SMM


def test_a_grid_of_one_is_smm(backbone: Backbone) -> None:
    videos = [
        method.transfer(method.prepare(clip(0)), "a cat", 0)
        for method in (
            SMM(SMM.Parameters(**{**SMALL, **SHORT[SMMGrid]}), "cpu", backbone),
            make(SMMGrid, backbone, grid=1),
            make(SMMGrid, backbone),
        )
    ]
    assert videos[0].pixels_sha256 == videos[1].pixels_sha256 != videos[2].pixels_sha256


def test_one_region_that_covers_all_is_smm() -> None:
    features = {"a": random(2, 4, 3, 6, 8).float(), "b": random(2, 4, 5, 3, 4, seed=1).float()}
    reference = {"a": random(2, 4, 3, 6, 8, seed=2).float()}
    reference["b"] = random(2, 4, 5, 3, 4, seed=3).float()
    wanted = smm_loss(features, reference)
    everything = torch.ones(2, 4, 6, 8, dtype=torch.bool)
    some = everything.clone()
    some[:, :, 2:] = False
    both: tuple[Which, ...] = ("moving", "rest")
    whole: tuple[Which, ...] = ("frame",)
    for region, regions in ((some, whole), (everything, both), (~everything, both)):
        torch.testing.assert_close(region_loss(features, reference, region, regions), wanted)
    assert not torch.allclose(region_loss(features, reference, some, both), wanted)


def test_a_pair_is_compared_where_either_frame_moves() -> None:
    region = torch.tensor([[1, 0, 0], [0, 1, 0]], dtype=torch.bool).view(1, 2, 1, 3)
    moving, rest = pair_areas(region, "moving"), pair_areas(region, "rest")
    assert moving[0, 0, 1].tolist() == moving[0, 1, 0].tolist() == [[True, True, False]]
    assert rest[0, 0, 1].tolist() == [[False, False, True]]
    f = torch.tensor([[1.0, 2.0, 9.0], [5.0, 6.0, 3.0]]).view(1, 2, 1, 1, 3)
    assert area_differences(f, moving)[0, 0, 1].item() == 1.5 - 5.5
    assert area_differences(f, rest)[0, 0, 1].item() == 9 - 3
    assert area_differences(f, moving)[0, 1, 0].item() == 5.5 - 1.5
    # What happens elsewhere is not seen.
    g = f.clone()
    g[..., 2] += 100
    assert torch.equal(area_differences(f, moving), area_differences(g, moving))


def test_regions_leave_the_choice_of_the_comparison_alone() -> None:
    with pytest.raises(ValueError, match="leave features, distance and grid at their defaults"):
        SMMMask.Parameters(grid=2)
    with pytest.raises(ValueError, match="regions must name at least one"):
        SMMMask.Parameters(regions=())


def test_the_anchor_is_the_references() -> None:
    reference = random(2, 5, 3)
    same = anchored_loss(reference, reference)
    assert same.abs().max() < 1e-12
    # True SMM does not see an offset of all frames; this variant does.
    assert (anchored_loss(reference + 1, reference) > 1e-3).all()
    # One channel, two frames (0, 1) against (2, 2): anchors 0 and 1 give (0, 1) and (-1, 0)
    # for the reference, (2, 2) and (1, 1) for the output: cosines 1/sqrt(2), -1/sqrt(2).
    one = anchored_loss(torch.tensor([[[2.0], [2.0]]]), torch.tensor([[[0.0], [1.0]]]))
    assert one.item() == pytest.approx(1)


# What moves


def test_a_moving_square_is_found(moving_square: Video) -> None:
    found = differs(moving_square.frames, threshold=60.0)
    for t in range(8):
        shown = np.zeros((64, 96), dtype=bool)
        shown[20:40, 10 + 3 * t : 30 + 3 * t] = True
        assert found[t][~shown].mean() < 0.1  # where the median frame shows the square
    assert found[0][20:40, 10:18].mean() > 0.9
    assert found[7][20:40, 43:51].mean() > 0.9
    region = moving_region([moving_square], (8, 12), threshold=60.0)
    assert region.shape == (1, 8, 8, 12)
    assert region[0, 0, 3, 2] and region[0, 7, 3, 5]
    assert not region[:, :, 6:].any()


def test_what_stands_still_is_no_region(moving_square: Video) -> None:
    still = Video(moving_square.frames[:1].repeat(3, 0), 8.0)
    assert not moving_region([still], (8, 12), threshold=0.0).any()


def test_a_region_on_a_coarser_grid() -> None:
    region = torch.zeros(1, 1, 4, 4, dtype=torch.bool)
    region[..., :2, :2] = True
    region[..., 0, 2] = True
    assert resized(region, (2, 2))[0, 0].tolist() == [[True, False], [False, False]]
    assert resized(region, (4, 4)) is region


# The contract


@pytest.mark.slow
@pytest.mark.parametrize("method", SHORT)
def test_source_prompt_and_seed_enter(
    method: type[DiffusionMethod[Any, Any]], backbone: Backbone
) -> None:
    made = make(method, backbone)
    one, other = made.prepare(clip(0)), made.prepare(clip(1))
    videos = [
        made.transfer(prepared, prompt, seed).pixels_sha256
        for prepared, prompt, seed in (
            (one, "a cat", 0),
            (one, "a cat", 0),
            (other, "a cat", 0),
            (one, "dog", 0),
            (one, "a cat", 1),
        )
    ]
    assert videos[0] == videos[1]
    assert len(set(videos[1:])) == 4


@pytest.mark.slow
@pytest.mark.parametrize("method", SHORT)
def test_a_batch_is_its_parts_and_leaves_nothing_behind(
    method: type[DiffusionMethod[Any, Any]], backbone: Backbone
) -> None:
    unet = backbone.denoiser.network
    before = {name: one.clone() for name, one in unet.state_dict().items()}
    wanted = [one.requires_grad for one in unet.parameters()]
    made = make(method, backbone)
    sources = [clip(0), clip(1, "cat")]
    videos = made.transfer_batch(made.prepare_batch(sources), ["a cat", "dog"], [4, 5])
    alone = made.transfer(made.prepare(sources[1]), "dog", 5)
    assert alone.frames.shape == sources[1].video.frames.shape
    assert alone.fps == 8
    assert abs(videos[1].frames.astype(int) - alone.frames).max() <= 3
    assert all(torch.equal(one, before[name]) for name, one in unet.state_dict().items())
    assert [one.requires_grad for one in unet.parameters()] == wanted
    assert not any(one.grad is not None for one in unet.parameters())
    assert not any(module._forward_hooks for module in unet.modules())


@pytest.mark.parametrize("method", FROM_NOISE)
def test_without_guidance_it_is_text_alone(
    method: type[ReferenceGuided[Any]], backbone: Backbone
) -> None:
    from smmbench_baselines.text_only import TextOnly

    nothing = {"guided_from": 0.0, "guided_to": 0.0}
    off: dict[str, Any] = {"guided_steps": 0} if method is MotionClone else nothing
    made = make(method, backbone, **off)
    text_only = TextOnly(TextOnly.Parameters(**SMALL), "cpu", backbone)
    free = text_only.transfer(text_only.prepare(clip(0)), "a cat", 0)
    assert made.transfer(made.prepare(clip(0)), "a cat", 0).pixels_sha256 == free.pixels_sha256


@pytest.mark.parametrize(
    "name", ["moft", "motion-clone", "ditflow", "smm-ditflow", "smm-grid", "smm-mask"]
)
def test_each_is_installed_with_card_and_presets(name: str) -> None:
    method = find_method(name)
    assert build_parameters(method, "emoji").model == "emoji"
    paper = build_parameters(method, "paper").model
    assert issubclass(method, DiffusionMethod)
    on_transformer = method.families["cogvideox"].status == "original"
    assert paper == ("THUDM/CogVideoX-5b" if on_transformer else "cerspense/zeroscope_v2_576w")
    assert method.card.paper and method.card.notes


@pytest.mark.parametrize(
    ("method", "changes", "message"),
    [
        (
            MOFT,
            {"guided_to": 0.9},
            r"guided_to must be a noise level from 0 to",
        ),
        (MOFT, {"share": 0.0}, "share must be above 0"),
        (MOFT, {"reference_level": 1.5}, "reference_level must be a noise level"),
        (MOFT, {"zoom": 1.0}, "zoom must be above 1"),
        (MOFT, {"axes": ()}, "axes must name"),
        (MotionClone, {"guided_steps": 301}, r"guided_steps must be 0 to 300 \(steps\), got 301"),
        (MotionClone, {"weight": -1.0}, r"weight must be at least 0, got -1\.0"),
        (MOFT, {"weight": -1.0}, r"weight must be at least 0, got -1\.0"),
        (MOFT, {"repeats": -1}, "repeats must be at least 0"),
        (DiTFlow, {"rates": (0.1, -0.1)}, r"rates must be at least 0, got \(0\.1, -0\.1\)"),
        (MotionClone, {"guided_to": 1.0}, "guided_to must be above 0, below 1"),
        (MotionClone, {"top": 0}, "top must be at least 1"),
        (
            DiTFlow,
            {"guided_from": 1.5},
            r"guided_from must be a noise level of at",
        ),
        (DiTFlow, {"reference_level": -1.0}, "reference_level must be a noise level"),
        (DiTFlow, {"iterations": -1}, "iterations must be at least 0"),
    ],
)
def test_wrong_parameters_are_told(method: Any, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        method.Parameters(**changes)


def test_a_layer_that_is_not_there_is_told_before_a_clip_is_prepared(backbone: Backbone) -> None:
    for method, change in (
        (MOFT, {"layer": "up_blocks.9"}),
        (MotionClone, {"block": "up_blocks.9"}),
        (DiTFlow, {"layers": ("up_blocks.9",)}),
        (SMMDiTFlow, {"layers": ("up_blocks.9",)}),
    ):
        with pytest.raises(LookupError, match=r"up_blocks\.9"):
            make(method, backbone, **change)


SPACE = "up_blocks.1.attentions.1.transformer_blocks.0.attn1"
TIME = "up_blocks.1.temp_attentions.1.transformer_blocks.0.attn1"


@pytest.mark.parametrize("layer", [SPACE, f"{SPACE}.to_q", TIME, "time_embedding"])
def test_a_layer_that_gives_no_features_of_frames_is_told_too(
    backbone: Backbone, layer: str
) -> None:
    for method, change in (
        (SMMGrid, {"layers": (layer,)}),
        (MOFT, {"layer": layer}),
        (SMMDiTFlow, {"layers": (layer,)}),
        (SMMMask, {"layers": (layer,)}),
    ):
        with pytest.raises(LookupError, match=rf"'{layer}' is not features of frames"):
            make(method, backbone, **change)


def test_an_attention_over_time_is_none_over_space(backbone: Backbone) -> None:
    make(DiTFlow, backbone, layers=(SPACE,))
    with pytest.raises(LookupError, match="it is over time"):
        make(DiTFlow, backbone, layers=(TIME,))


def test_layers_are_looked_at_beside_a_compiled_network(backbone: Backbone) -> None:
    class Compiled(torch.nn.Module):
        def forward(self, *args: Any, **named: Any) -> Any:
            raise AssertionError("its layers take no hooks")

    compiled = replace(backbone.denoiser, compiled=Compiled())
    x = random(1, backbone.codec.channels, 3, 8, 8).float()
    text = backbone.embed(["a dog"])
    with torch.no_grad():
        found, wanted = (
            projections(one, x, 500, text, [SPACE])[SPACE] for one in (compiled, backbone.denoiser)
        )
        with pytest.raises(AssertionError, match="take no hooks"):
            compiled.output(x, 500, text)
    torch.testing.assert_close((found.q, found.k), (wanted.q, wanted.k))


def test_timesteps_that_the_model_does_not_have_are_told_before_a_clip(backbone: Backbone) -> None:
    length = backbone.schedule.length
    for method, change, said in (
        (SMMGrid, {"inversion_steps": length + 1}, "inversion_steps must be at most"),
        (SMMGrid, {"steps": length + 1}, "steps must be at most"),
        (MotionClone, {"steps": length, "guided_steps": length // 2}, "do not fit into"),
    ):
        with pytest.raises(ValueError, match=said):
            make(method, backbone, **change)


@pytest.mark.slow
@pytest.mark.parametrize("method", FROM_NOISE)
def test_guidance_lowers_the_loss_on_the_embedded_model(
    method: type[ReferenceGuided[Any]], moving_square: Video
) -> None:
    """One guided step on the trained network, at a noise level where something is to be seen."""
    from smmbench.dataset import clip_named, load_dataset, source_video
    from smmbench.diffusion.noise import generators, noise

    dataset = load_dataset("emoji")
    video = source_video(dataset, clip_named(dataset, "dog-left"))
    changes = {"steps=4"} | (
        {"guided_to=0.8", "inversion_steps=4", "reference_level=0.9", "channels_from=clip"}
        if method is MOFT
        else {"guided_steps=2" if method is MotionClone else "guided_to=0.8"}
    )
    parameters = build_parameters(method, "emoji", sorted(changes))
    made: ReferenceGuided[Any] = method(parameters, "cpu")
    reference = made.prepare(Source("dog", video, "a dog", lambda: video)).reference
    text, t = made.embed(["a red bus in a city"]), made.timesteps()[1]
    x = noise(torch.zeros(1, *made.backbone.latent_shape((16, 128, 128))), generators([0]))
    with torch.no_grad():
        before = made.losses(x, t, text, reference).item()
        if method is MotionClone:
            plain, guided = made.denoise(text), made.stepping(text, reference)
            moved = x + 0.1 * (guided(x, t).noise - plain(x, t).noise)
        else:
            moved = made.guide(text, reference)(x, t)
        assert made.losses(moved, t, text, reference).item() < before


def test_moft_pans_along_both_axes() -> None:
    assert set(moft.AXES) == {"horizontal", "vertical"}
    assert all(sum(way) == 0 for axis in moft.AXES.values() for way in zip(*axis, strict=True))
