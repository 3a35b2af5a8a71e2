"""SMM: invariances of the descriptor, the loss in closed form, a guided step against a slow one."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import UNet3DConditionModel
from torch import Tensor
from torch.optim import AdamW

from smmbench.diffusion.alpha_bar import AlphaBarSchedule
from smmbench.diffusion.backbone import Backbone, load_backbone
from smmbench.diffusion.guidance import descend
from smmbench.diffusion.noise import generators, noise
from smmbench.diffusion.schedule import CLEAN, NoiseSchedule
from smmbench.diffusion.start_noise import implied_noise, low_frequency_start, low_pass
from smmbench.method import Source
from smmbench.smm import (
    LAYERS,
    SMM,
    Parameters,
    compare,
    describe,
    guidance_rates,
    guide,
    pairwise_differences,
    smm_loss,
    spatial_marginal_mean,
    start_latent,
)
from smmbench.video import Video

SMALL = Parameters(
    dtype="float32",
    steps=3,
    inversion_steps=3,
    guidance=3.0,
    prompt_prefix="",
    negative_prompt="",
    iterations=2,
    downsample=2,
)


@pytest.fixture(scope="module")
def backbone(tiny_backbone: Path) -> Backbone:
    return load_backbone(str(tiny_backbone))


def random(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


# The descriptor


def test_where_in_the_frame_a_feature_lies_does_not_matter() -> None:
    f = random(2, 4, 3, 5, 6)
    shuffled = f.flatten(-2)[..., torch.randperm(30)].reshape(f.shape)
    torch.testing.assert_close(spatial_marginal_mean(f), spatial_marginal_mean(shuffled))
    torch.testing.assert_close(spatial_marginal_mean(f)[:, :, 0], f.mean((-2, -1)))


def test_a_grid_averages_within_its_cells() -> None:
    f = random(1, 2, 3, 4, 6)
    cells = spatial_marginal_mean(f, grid=2)
    assert cells.shape == (1, 2, 4, 3)
    torch.testing.assert_close(cells[:, :, 1], f[..., :2, 3:].mean((-2, -1)))
    torch.testing.assert_close(cells.mean(2), spatial_marginal_mean(f)[:, :, 0])


@pytest.mark.parametrize("grid", [1, 2, 3, 5])
def test_cells_are_those_of_adaptive_pooling(grid: int) -> None:
    f = random(2, 3, 4, 7, 10)
    pooled = torch.nn.functional.adaptive_avg_pool2d(f.flatten(0, 1), grid)
    expected = pooled.unflatten(0, (2, 3)).flatten(-2).movedim(2, -1)
    torch.testing.assert_close(spatial_marginal_mean(f, grid), expected)


def test_what_all_frames_share_leaves_no_difference() -> None:
    f = random(2, 4, 3, 5, 6)
    constant = random(2, 1, 3, 1, 1, seed=1)
    torch.testing.assert_close(
        describe(f, "smm-differences"), describe(f + constant, "smm-differences")
    )
    d = pairwise_differences(spatial_marginal_mean(f))
    assert torch.equal(d, -d.transpose(1, 2))
    # A still clip has no differences at all.
    assert not describe(f[:, :1].expand(-1, 4, -1, -1, -1), "smm-differences").any()


def test_the_losses_at_identity() -> None:
    features = {"a": random(2, 4, 3, 5, 6), "b": random(2, 4, 7, 3, 3)}
    assert not smm_loss(features, features, distance="l2").any()
    # Each frame with itself has no direction and counts 1: F of F x F pairs, in each of two layers.
    found = smm_loss(features, features, distance="cosine")
    torch.testing.assert_close(found, torch.full((2,), 2 / 4, dtype=torch.float64))
    assert smm_loss(features, features, "full", "cosine").abs().max() < 1e-12
    assert smm_loss(features, features, "smm", "cosine").abs().max() < 1e-12


def test_the_losses_in_closed_form() -> None:
    """Two frames, one channel of the mean each: D = 2 - 5 and D* = 1 - 2."""
    f = torch.tensor([2.0, 5.0]).view(1, 2, 1, 1, 1)
    reference = torch.tensor([1.0, 2.0]).view(1, 2, 1, 1, 1)
    # l2: pairs (1,2) and (2,1) each (3 - 1)^2.
    assert smm_loss({"a": f}, {"a": reference}, distance="l2").item() == 8
    # Cosine: both pairs point the same way (0), both frames with themselves count 1: mean 2/4.
    assert smm_loss({"a": f}, {"a": reference}).item() == 0.5
    # The other way round: 2 for each pair.
    assert smm_loss({"a": f}, {"a": -reference}).item() == 1.5
    assert smm_loss({"a": f}, {"a": reference}, "smm", "l2").item() == 1 + 9
    assert smm_loss({"a": f}, {"a": reference}, "full", "l2").item() == 1 + 9


def test_the_cosine_does_not_see_the_speed() -> None:
    f, reference = {"a": random(1, 4, 3, 2, 2)}, {"a": random(1, 4, 3, 2, 2, seed=1)}
    twice = {"a": 2 * f["a"]}
    torch.testing.assert_close(smm_loss(twice, reference), smm_loss(f, reference))


@pytest.mark.parametrize("distance", ["cosine", "l2"])
@pytest.mark.parametrize("kind", ["smm-differences", "smm", "full"])
def test_the_gradient_is_that_of_finite_differences(kind: str, distance: str) -> None:
    reference = {"a": random(2, 3, 2, 2, 2, seed=1)}
    f = random(2, 3, 2, 2, 2).requires_grad_()
    assert torch.autograd.gradcheck(
        lambda f: smm_loss({"a": f}, reference, kind, distance),  # type: ignore[arg-type]
        f,
    )


def test_a_still_output_has_a_finite_gradient() -> None:
    f = random(1, 1, 3, 2, 2).expand(1, 4, 3, 2, 2).clone().requires_grad_()
    loss = smm_loss({"a": f}, {"a": random(1, 4, 3, 2, 2, seed=1)})
    (gradient,) = torch.autograd.grad(loss.sum(), f)
    assert gradient.isfinite().all()
    assert compare(torch.zeros(1, 2, 3), random(1, 2, 3).float(), "cosine").item() == 1


# The start


def schedule() -> NoiseSchedule:
    return AlphaBarSchedule.from_config({"beta_schedule": "scaled_linear", "steps_offset": 1})


def test_the_start_keeps_the_low_band_and_takes_the_high_one() -> None:
    clean, noisiest, fresh = random(3, 2, 4, 3, 8, 12)
    levels = schedule()

    def start(fresh: Tensor) -> Tensor:
        return low_frequency_start(levels, clean, noisiest, 999, 981, fresh, 4)

    own = implied_noise(levels, clean, noisiest, 999)
    renoised = levels.mu(981) * clean + levels.sigma(981) * own
    torch.testing.assert_close(start(torch.zeros_like(fresh)), low_pass(renoised, 4))
    torch.testing.assert_close(start(fresh) - start(fresh * 0), fresh - low_pass(fresh, 4))
    # A slow shift of colour survives, a checkerboard does not.
    flat = torch.ones(1, 1, 1, 8, 8)
    board = (torch.arange(8)[:, None] + torch.arange(8)) % 2 * 2.0 - 1
    torch.testing.assert_close(low_pass(flat, 4), flat)
    assert low_pass(board.view(1, 1, 1, 8, 8), 4).abs().max() < 0.3


def test_a_factor_of_one_starts_from_the_clips_own_noise() -> None:
    clean, noisiest, fresh = random(3, 1, 4, 3, 8, 8)
    levels = schedule()
    found = low_frequency_start(levels, clean, noisiest, 981, 981, fresh, 1)
    torch.testing.assert_close(found, noisiest)
    with pytest.raises(ValueError, match="1 to 8 for latents of 8x8, got 9"):
        low_pass(clean, 9)


# Guidance


def test_descending_lowers_each_samples_own_loss() -> None:
    target = random(3, 1, 1, 2, 2, seed=1)

    def losses(x: Tensor) -> Tensor:
        return (x - target[: len(x)]).square().flatten(1).sum(1)

    x = random(3, 1, 1, 2, 2)
    found = descend(x, losses, iterations=5, rate=0.01, stage="test")
    assert (losses(found) < losses(x)).all()
    torch.testing.assert_close(found[:1], descend(x[:1], losses, 5, 0.01, "test"))
    assert torch.equal(descend(x, losses, 0, 0.01, "test"), x)
    # A power of two as the loss's scale changes nothing but the range.
    torch.testing.assert_close(found, descend(x, losses, 5, 0.01, "test", loss_scale=2.0**16))


def test_another_optimiser_can_step() -> None:
    """With gradients that serve two iterations, as written out."""
    x = torch.randn(1, 2, 3, 4, 4, generator=torch.manual_seed(0))
    found = descend(
        x, lambda x: x.square().flatten(1).sum(1), 4, 0.1, "test", every=2, optimiser=AdamW
    )
    expected = x.clone().requires_grad_()
    adam = AdamW([expected], lr=0.1)
    for k in range(4):
        if k % 2 == 0:
            expected.grad = 2 * expected.detach()
        adam.step()
    torch.testing.assert_close(found, expected.detach())


def test_the_loss_scale_falls_until_the_gradient_fits() -> None:
    x = torch.full((1, 1, 1, 1, 1), 0.5)

    def through_half(x: Tensor) -> Tensor:
        return (x.half() * 8).float().flatten()  # 65536 x 8 overflows in float16

    found = descend(x, through_half, 1, 0.01, "test", loss_scale=2.0**16)
    torch.testing.assert_close(found, x - 0.01)


def test_nan_is_told_with_its_stage() -> None:
    x = torch.zeros(1, 1, 1, 1, 1)
    with pytest.raises(FloatingPointError, match="loss is NaN or infinite in step 7, iteration 1"):
        descend(x, lambda x: x.flatten() / 0, 1, 0.1, "step 7")
    with pytest.raises(FloatingPointError, match="gradient is NaN"):
        descend(x, lambda x: x.flatten().sqrt(), 1, 0.1, "step 7", loss_scale=4.0)


def test_the_papers_schedule_of_guidance() -> None:
    """20 of 50 steps, t from 981 to 601, the rate falling from .007 to .004."""
    rates = guidance_rates(schedule(), Parameters())
    assert list(rates) == list(range(981, 600, -20))
    assert len(rates) == 20
    assert list(rates.values()) == pytest.approx(np.linspace(0.007, 0.004, 20).tolist())
    assert not guidance_rates(schedule(), Parameters(guided_from=0.0, guided_to=0.0))
    assert not guidance_rates(schedule(), Parameters(iterations=0))
    assert len(guidance_rates(schedule(), Parameters(guided_to=0.0))) == 50
    levels = {t: schedule().noise_level(t) for t in schedule().timesteps(50)}
    for high, low in ((0.9, 0.7), (1.0, 0.3), (0.5, 0.5)):
        rates = guidance_rates(schedule(), Parameters(guided_from=high, guided_to=low))
        assert list(rates) == [t for t, level in levels.items() if low <= level <= high]


@pytest.mark.parametrize("distance", ["cosine", "l2"])
def test_a_guided_step_equals_a_slow_and_obvious_one(backbone: Backbone, distance: str) -> None:
    parameters = replace(SMALL, distance=distance, iterations=3)  # type: ignore[arg-type]
    text, source_text = backbone.embed(["a cat"]), backbone.embed(["a dog"])
    x, source = (noise(torch.empty(1, 4, 4, 4, 4), generators([seed])) for seed in (0, 1))
    found = guide(backbone.denoiser, x, source, 799, text, source_text, 0.01, parameters)
    expected = slow_guided_step(backbone, x, source, 799, text, source_text, distance)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    assert (found - x).abs().max() > 0.02  # about three steps of 0.01


def slow_guided_step(
    backbone: Backbone, x: Tensor, source: Tensor, t: int, text: Tensor, prompt: Tensor, kind: str
) -> Tensor:
    """Whole forward passes, hooks by hand, loops over frames, Adam written out."""
    unet: Any = backbone.denoiser.network
    block = unet.up_blocks[1]

    def means(x: Tensor, text: Tensor) -> list[Tensor]:
        seen: list[Tensor] = []
        modules = (block.resnets[1].conv2, block.temp_convs[1], block.upsamplers[0])
        hooks = [
            module.register_forward_hook(lambda _m, _i, out: seen.append(out)) for module in modules
        ]
        unet(x, torch.tensor(t), encoder_hidden_states=text)
        for hook in hooks:
            hook.remove()
        return [feature.mean((2, 3)) for feature in seen]  # of each frame, and one clip

    wanted = [mean.detach() for mean in means(source, prompt)]
    x = x.clone()
    first, second = torch.zeros_like(x), torch.zeros_like(x)
    for step in range(1, 4):
        x = x.detach().requires_grad_()
        loss = torch.zeros(())
        for a, b in zip(means(x, text), wanted, strict=True):
            frames = len(a)
            for i in range(frames):
                for j in range(frames):
                    ours, theirs = a[i] - a[j], b[i] - b[j]
                    if kind == "l2":
                        loss = loss + ((ours - theirs) ** 2).sum()
                    elif i == j:
                        loss = loss + 1 / frames**2
                    else:
                        cosine = ours @ theirs / (ours.norm() * theirs.norm())
                        loss = loss + (1 - cosine) / frames**2
        (gradient,) = torch.autograd.grad(loss, x)
        first = 0.9 * first + 0.1 * gradient
        second = 0.999 * second + 0.001 * gradient**2
        size = (second / (1 - 0.999**step)).sqrt() + 1e-8
        x = x - 0.01 * (first / (1 - 0.9**step)) / size
    return x.detach()


# The method


@pytest.fixture(scope="module")
def source() -> Source:
    """Four frames of 32x32: a bright square that moves to the right."""
    frames = np.full((4, 32, 32, 3), 40, dtype=np.uint8)
    for i in range(4):
        frames[i, 8:20, 4 * i : 4 * i + 12] = (240, 200, 60)
    video = Video(frames, fps=8.0)
    return Source("square", video, "a dog", lambda: video)


def test_the_same_seed_gives_the_same_video_and_another_another(
    backbone: Backbone, source: Source
) -> None:
    method = SMM(SMALL, "cpu", backbone)
    prepared = method.prepare(source)
    first = method.transfer(prepared, "a cat", 0)
    assert first.frames.shape == source.video.frames.shape
    assert first.fps == source.video.fps
    assert method.transfer(prepared, "a cat", 1).pixels_sha256 != first.pixels_sha256
    assert method.transfer(prepared, "a dog", 0).pixels_sha256 != first.pixels_sha256
    assert method.transfer(prepared, "a cat", 0).pixels_sha256 == first.pixels_sha256


def test_a_sample_is_the_same_alone_and_in_a_batch(backbone: Backbone, source: Source) -> None:
    turned = Video(source.video.frames[:, ::-1].copy(), 8.0)
    other = replace(source, video=turned, prompt="cat")
    method = SMM(SMALL, "cpu", backbone)
    prepared = method.prepare_batch([source, other])
    alone = method.prepare(other)
    for t, latent in alone.inverted.items():
        torch.testing.assert_close(prepared[1].inverted[t], latent, rtol=1e-4, atol=1e-4)
    together = method.transfer_batch([*prepared, prepared[1]], ["cat", "dog", "dog"], [3, 4, 5])
    single = method.transfer(alone, "dog", 4)
    difference = together[1].frames.astype(int) - single.frames
    assert abs(difference).max() <= 2
    assert abs(together[2].frames.astype(int) - single.frames).max() > 2  # another seed


@pytest.fixture(scope="module")
def small_pixels(backbone: Backbone, source: Source) -> str:
    method = SMM(SMALL, "cpu", backbone)
    return method.transfer(method.prepare(source), "a cat", 0).pixels_sha256


@pytest.mark.slow
@pytest.mark.parametrize(
    "change",
    [
        {"iterations": 0},
        {"distance": "l2"},
        {"features": "full"},
        {"features": "smm"},
        {"grid": 2},
        {"restart": False},
        {"start": "random"},
        {"start": "inverted"},
        {"inversion_prompt": True},
        {"guidance_rescale": 0.7},
        {"prompt_prefix": "dog "},
        {"negative_prompt": "dog"},
    ],
    ids=str,
)
def test_every_parameter_changes_the_video(
    backbone: Backbone, source: Source, small_pixels: str, change: dict[str, object]
) -> None:
    method = SMM(replace(SMALL, **change), "cpu", backbone)  # type: ignore[arg-type]
    video = method.transfer(method.prepare(source), "a cat", 0)
    assert video.pixels_sha256 != small_pixels


def test_the_kept_latents_serve_guidance_and_start(backbone: Backbone, source: Source) -> None:
    method = SMM(replace(SMALL, inversion_steps=4), "cpu", backbone)
    inverted = method.prepare(source).inverted
    assert {CLEAN, *backbone.schedule.timesteps(3)} <= set(inverted)
    found = start_latent(
        backbone.schedule, inverted, generators([0]), replace(SMALL, start="inverted")
    )
    assert torch.equal(found, inverted[999])
    random_start = start_latent(
        backbone.schedule, inverted, generators([0]), replace(SMALL, start="random")
    )
    assert torch.equal(random_start, noise(found, generators([0])))


def test_the_features_of_another_clip_make_another_video(
    backbone: Backbone, source: Source
) -> None:
    """With equal initial noise, only the comparison with the source distinguishes two sources."""
    still = Video(np.repeat(source.video.frames[:1], 4, axis=0), 8.0)
    method = SMM(replace(SMALL, start="random"), "cpu", backbone)
    moving = method.transfer(method.prepare(source), "a cat", 0)
    standing = method.transfer(method.prepare(replace(source, video=still)), "a cat", 0)
    assert moving.pixels_sha256 != standing.pixels_sha256


def test_the_papers_layers_are_in_a_unet_of_its_size() -> None:
    build: Any = UNet3DConditionModel
    with torch.device("meta"):  # shapes only: 1.4 billion weights take no memory
        unet = build(cross_attention_dim=1024)
    assert set(LAYERS) <= dict(unet.named_modules()).keys()


def test_the_defaults_are_the_papers_and_presets_fit() -> None:
    default = Parameters()
    assert (default.steps, default.inversion_steps, default.guidance) == (50, 999, 10)
    assert default.rates == (0.007, 0.004)
    for preset in SMM.presets.values():
        Parameters(**preset)
    assert Parameters(**SMM.presets["emoji"]).model == "emoji"


def test_a_layer_that_is_not_there_is_told_before_any_work(backbone: Backbone) -> None:
    parameters = replace(SMALL, layers=("up_blocks.1.temp_conv.1",))
    with pytest.raises(LookupError, match=r"near names: up_blocks\.1\.temp_convs\.1"):
        SMM(parameters, "cpu", backbone)


def test_a_latent_too_small_to_shrink_is_told_before_it_is_inverted(
    backbone: Backbone, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("smmbench.smm.invert", None)
    with pytest.raises(ValueError, match=r"downsample must be at most \d+ for latents of"):
        SMM(replace(SMALL, downsample=999), "cpu", backbone).prepare(source)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("guided_to", 1.5),
        ("iterations", -1),
        ("grid", 0),
        ("downsample", 0),
        ("inversion_steps", 0),
        ("steps", 0),
        ("guidance_rescale", 2.0),
        ("rates", (-0.1, 0.1)),
    ],
)
def test_impossible_parameters_are_refused(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=rf"{name} must be .*, got {re.escape(str(value))}"):
        Parameters(**{name: value})  # type: ignore[arg-type]
