"""Methods that are tuned on one clip: what they tune, by which loss, and what stays as it was."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Generator, Tensor, nn

from smmbench import progress
from smmbench.diffusion.alpha_bar import AlphaBarSchedule
from smmbench.diffusion.backbone import Backbone, load_backbone
from smmbench.diffusion.denoiser import Denoiser
from smmbench.diffusion.schedule import NoiseSchedule, Prediction
from smmbench.method import Source
from smmbench.plugins import load_offered
from smmbench.video import Video
from smmbench_baselines import motion_director
from smmbench_baselines.inversion_swap import InversionSwap
from smmbench_baselines.motion_director import SPATIAL, TEMPORAL, MotionDirector
from smmbench_baselines.one_clip import lora
from smmbench_baselines.one_clip.adapters import adapter_path, cached_adapters
from smmbench_baselines.one_clip.losses import (
    debiased,
    residual_direction,
    residual_sizes,
    squared_error,
)
from smmbench_baselines.one_clip.method import OneClipMethod
from smmbench_baselines.one_clip.shell import linear_layers, shell
from smmbench_baselines.one_clip.tuning import Plan, shorten, tune
from smmbench_baselines.tune_a_video import TuneAVideo
from smmbench_baselines.vmc import VMC, appearance_invariant

SMALL: dict[str, Any] = {
    "dtype": "float32",
    "steps": 2,
    "guidance": 3.0,
    "prompt_prefix": "",
    "negative_prompt": "",
    "inversion_steps": 2,
    "checkpointing": False,
}
METHODS: tuple[type[OneClipMethod[Any]], ...] = (TuneAVideo, VMC, MotionDirector)
EXTRA: dict[type[Any], dict[str, Any]] = {MotionDirector: {"rank": 2}}


@pytest.fixture(scope="module")
def backbone(tiny_backbone: Path) -> Backbone:
    return load_backbone(str(tiny_backbone))


def clip(seed: int, prompt: str = "a dog") -> Source:
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (3, 2, 3, 3), dtype=np.uint8)
    video = Video(coarse.repeat(8, axis=1).repeat(8, axis=2), fps=8.0)
    return Source(f"clip-{seed}", video, prompt, lambda: video)


def make(method: type[Any], backbone: Backbone, **changes: Any) -> Any:
    values = {**SMALL, "tuning_steps": 2, "tuning_rate": 1e-2, **EXTRA.get(method, {}), **changes}
    return method(method.Parameters(**values), "cpu", backbone)


def pixels(method: Any, source: Source, prompt: str = "a cat", seed: int = 0) -> str:
    return method.transfer(method.prepare(source), prompt, seed).pixels_sha256


def state(network: nn.Module) -> dict[str, Any]:
    """All that may have been changed in a network."""
    found: dict[str, Any] = {}
    for name, module in network.named_modules():
        hooks = (module._forward_hooks, module._forward_pre_hooks, module._backward_hooks)
        found[name] = (type(module), module.training, [len(some) for some in hooks])
        assert "forward" not in vars(module)
    for name, tensor in (*network.named_parameters(), *network.named_buffers()):
        found[f"{name} tensor"] = (
            id(tensor),
            tensor.data_ptr(),
            tensor.dtype,
            tensor.requires_grad,
            tensor.grad is None,
            tensor.detach().double().sum().item(),
            tensor._version,
        )
    return found


# The losses ---------------------------------------------------------------------------------------


def latent(seed: int, frames: int = 4) -> Tensor:
    return torch.randn(2, 3, frames, 4, 5, generator=Generator().manual_seed(seed))


@pytest.mark.parametrize("loss", [residual_direction, residual_sizes])
def test_steps_between_frames_do_not_see_what_all_frames_share(loss: Any) -> None:
    predicted, true, still = latent(0), latent(1), latent(2)[:, :, [0]]
    told = loss(predicted, true)
    assert torch.allclose(loss(predicted + still, true - 3 * still), told, atol=1e-5)
    assert torch.allclose(loss(predicted * 7, true), told, atol=1e-5)  # directions, not lengths
    assert torch.allclose(loss(true, true), torch.zeros(2), atol=1e-6)
    assert (told > 0.1).all()


def test_the_published_code_of_vmc_is_blind_to_the_sign_and_the_paper_is_not() -> None:
    true = latent(0)
    assert torch.allclose(residual_direction(-true, true), torch.full((2,), 2.0))
    assert torch.allclose(residual_sizes(-true, true), torch.zeros(2), atol=1e-6)


def test_still_frames_have_no_direction_and_one_frame_no_step() -> None:
    still = latent(0)[:, :, [0]].expand(-1, -1, 4, -1, -1)
    assert torch.equal(residual_direction(still, latent(1)), torch.ones(2))
    with pytest.raises(ValueError, match="one frame has no motion"):
        residual_direction(latent(0, frames=1), latent(1, frames=1))


def test_debiasing_shrinks_what_frames_share_and_keeps_the_variance_of_what_they_do_not() -> None:
    shared = latent(0)[:, :, [0]].expand(-1, -1, 4, -1, -1)
    for beta in (0.0, 1.0, 30.0):
        left = (beta**2 + 1) ** 0.5 - beta
        assert torch.allclose(debiased(shared, 2, beta), left * shared, atol=1e-4)
    assert (31**0.5) - 30**0.5 < 0.1  # a large beta forgets it
    eps = torch.randn(1, 8, 3, 64, 64, generator=Generator().manual_seed(0))
    changed = debiased(eps, 0, 1.0)
    # sqrt(2) e_1 - e_0 has variance 2 + 1; the anchor frame (sqrt(2) - 1)^2.
    assert changed[:, :, 1].var().item() == pytest.approx(3, rel=0.02)
    assert changed[:, :, 0].var().item() == pytest.approx((2**0.5 - 1) ** 2, rel=0.02)
    assert torch.equal(debiased(eps, 1, 0.0), eps)


def test_what_a_perfect_network_returns_is_read_back_as_what_was_mixed(backbone: Backbone) -> None:
    true = Prediction(x0=latent(0), noise=latent(1))
    for schedule in (backbone.schedule, _epsilon(backbone.schedule)):
        x = schedule.at(600, true)
        read = schedule.read(schedule.output(true, 600), x, 600)
        assert torch.allclose(read.noise, true.noise, atol=1e-4)
        assert torch.allclose(read.x0, true.x0, atol=1e-3)
    assert squared_error(latent(0), latent(0) + 2).tolist() == pytest.approx([4, 4])


LEVELS = AlphaBarSchedule.from_config({"beta_schedule": "scaled_linear"})


def _epsilon(schedule: NoiseSchedule) -> NoiseSchedule:
    assert isinstance(schedule, AlphaBarSchedule)
    return replace(
        schedule, prediction="epsilon", alpha_bar=np.clip(schedule.alpha_bar, 1e-3, None)
    )


# The loop -----------------------------------------------------------------------------------------


def test_a_gradient_is_shortened_clip_by_clip() -> None:
    tensors = [torch.zeros(2, 2, requires_grad=True), torch.zeros(2, requires_grad=True)]
    tensors[0].grad = torch.tensor([[3.0, 0.0], [0.3, 0.0]])
    tensors[1].grad = torch.tensor([4.0, 0.4])
    shorten(tensors, 1.0)
    assert tensors[0].grad.flatten().tolist() == pytest.approx([0.6, 0, 0.3, 0], abs=1e-5)
    assert tensors[1].grad.tolist() == pytest.approx([0.8, 0.4], abs=1e-5)  # .5 is short enough


@pytest.mark.parametrize("half", [False, True])
def test_tuning_finds_a_known_minimum_from_seeded_draws(half: bool) -> None:
    x, goal = torch.zeros(2, 1, 1, 1, 1), torch.tensor([1.0, -2.0])
    seen: list[tuple[int | float, float]] = []
    change = torch.zeros(2, requires_grad=True)

    def objective(t: int | float, eps: Tensor, generator: Generator) -> Iterator[Tensor]:
        assert torch.equal(eps[0], eps[1])  # each clip sees what it would see alone
        seen.append((t, eps[0].item() + torch.rand((), generator=generator).item()))
        yield (change - goal).square()

    losses = tune([change], objective, x, LEVELS, Plan(steps=200, rate=0.05, seed=3, half=half))
    assert change.tolist() == pytest.approx([1, -2], abs=0.05)
    assert losses.shape == (200, 2)
    first = list(seen)
    tune([change], objective, x, LEVELS, Plan(steps=200, rate=0.05, seed=3))
    assert seen[200:] == first
    assert len(set(first)) == 200


def test_each_step_of_training_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(progress, "_show", said.append)
    change = torch.zeros(1, requires_grad=True)

    def objective(_t: int | float, _eps: Tensor, _generator: Generator) -> Iterator[Tensor]:
        yield (change - 1).square()

    tune([change], objective, torch.zeros(1, 1, 1, 1, 1), LEVELS, Plan(3, 0.1, 0))
    assert said == ["training 1/3", "training 2/3", "training 3/3"]


def test_a_loss_that_is_no_number_ends_the_tuning() -> None:
    change = torch.zeros(1, requires_grad=True)

    def objective(_t: int | float, _eps: Tensor, _generator: Generator) -> Iterator[Tensor]:
        yield (change - 1).square() / 0

    with pytest.raises(FloatingPointError, match="loss of tuning up to step 2"):
        tune([change], objective, torch.zeros(1, 1, 1, 1, 1), LEVELS, Plan(2, 0.1, 0))


def test_a_clip_that_overflows_costs_no_other_a_step() -> None:
    """The loss is scaled by 65536 first: a gradient of 1e34 overflows until the scale fell."""

    def tuned(slopes: list[float]) -> Tensor:
        change = torch.zeros(len(slopes), requires_grad=True)

        def objective(_t: int | float, eps: Tensor, generator: Generator) -> Iterator[Tensor]:
            drawn = torch.rand((), generator=generator)
            yield change * torch.tensor(slopes) * (1 + drawn + eps.flatten(1).mean(1))

        x = torch.zeros(len(slopes), 1, 1, 1, 1)
        tune([change], objective, x, LEVELS, Plan(steps=20, rate=0.1, seed=0, half=True))
        return change.detach()

    alone, beside = tuned([1.0]), tuned([1.0, 1e36])
    assert beside[0] == pytest.approx(alone[0]) and abs(alone[0]) > 0.1
    with pytest.raises(FloatingPointError, match=r"infinite in tuning, step 1; try dtype=bfloat16"):
        tuned([float("inf")])


# What is tuned, and what is not -------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_nothing_tuned_is_ddim_inversion_and_prompt_swap(
    method: type[Any], backbone: Backbone
) -> None:
    plain = {key: value for key, value in SMALL.items() if key != "checkpointing"}
    swap = InversionSwap(InversionSwap.Parameters(**plain, inversion_prompt=False), "cpu", backbone)
    extra = {"noise_prior": 1.0} if method is MotionDirector else {}
    untuned = make(method, backbone, tuning_steps=0, **extra)
    assert pixels(untuned, clip(0)) == pixels(swap, clip(0))
    assert pixels(make(method, backbone, **extra), clip(0)) != pixels(swap, clip(0))


# The tiny network's middle has one place only: its spatial attention has nothing to choose from.
BLIND = "mid_block.attentions.0.transformer_blocks.0."
SETS: dict[type[Any], tuple[str, ...]] = {
    TuneAVideo: (
        "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q.weight",
        "down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_q.weight",
        "mid_block.temp_attentions.0.transformer_blocks.0.attn2.to_out.0.bias",
        "transformer_in.transformer_blocks.0.attn1.to_v.weight",
    ),
    VMC: (
        "up_blocks.1.temp_attentions.0.transformer_blocks.0.attn1.to_q.weight",
        "mid_block.temp_attentions.0.transformer_blocks.0.attn2.to_v.weight",
    ),
}


@pytest.mark.parametrize("method", SETS)
def test_the_named_projections_change_and_no_others(method: type[Any], backbone: Backbone) -> None:
    tuned = make(method, backbone).prepare(clip(0))
    names = set(tuned.adapter)
    assert set(SETS[method]) <= names
    for name in names:
        if ".attentions." in name:
            assert method is TuneAVideo
            assert name.endswith(("attn1.to_q.weight", "attn2.to_q.weight"))
        else:
            assert "temp_attentions" in name or name.startswith("transformer_in")
            assert ".attn" in name
    still = {name for name, change in tuned.adapter.items() if not change.any()}
    assert still <= {f"{BLIND}attn1.to_q.weight"}


def test_motion_director_tunes_spatial_and_temporal_layers_and_samples_with_temporal_ones(
    backbone: Backbone,
) -> None:
    made = make(MotionDirector, backbone, alone=0.0)
    adapter = made.prepare(clip(0)).adapter
    spatial = linear_layers(backbone.denoiser.network, SPATIAL)
    temporal = linear_layers(backbone.denoiser.network, TEMPORAL)
    assert {name[:-2] for name in adapter} == {*spatial, *temporal}
    assert not any("attn2" in name for name in spatial)  # the text's layers stay
    seeing = [name for name in (*spatial, *temporal) if not name.startswith(f"{BLIND}attn1")]
    assert all(adapter[f"{name}.B"].any() for name in seeing)
    lacking = {name: x for name, x in adapter.items() if name[:-2] in temporal}
    x, text = latent_of(backbone), backbone.embed(["a cat"])
    both, one = made.adapted([adapter]), made.adapted([lacking])
    assert torch.equal(both.output(x, 500, text), one.output(x, 500, text))
    seen = make(MotionDirector, backbone, alone=0.0, spatial_scale=1.0).adapted([adapter])
    assert not torch.allclose(both.output(x, 500, text), seen.output(x, 500, text))


def latent_of(backbone: Backbone, samples: int = 1) -> Tensor:
    shape = backbone.latent_shape((3, 16, 24))
    return torch.randn(samples, *shape, generator=Generator().manual_seed(5))


def test_a_step_of_the_temporal_path_leaves_the_spatial_layers(backbone: Backbone) -> None:
    """With the spatial path always left out, its layers have nothing to learn from."""
    adapter = make(MotionDirector, backbone, alone=1.0, decay=0.0).prepare(clip(0)).adapter
    spatial = linear_layers(backbone.denoiser.network, SPATIAL)
    assert not any(adapter[f"{name}.B"].any() for name in spatial)
    temporal = linear_layers(backbone.denoiser.network, TEMPORAL)
    assert all(adapter[f"{name}.B"].any() for name in temporal)


def test_lora_adds_the_product_of_its_matrices(backbone: Backbone) -> None:
    names = linear_layers(backbone.denoiser.network, TEMPORAL)
    adapter = lora.new_lora(backbone.denoiser.network, names, 2, seed=0)
    adapter = {name: torch.randn_like(x) * 0.1 for name, x in adapter.items()}
    mine, merged = shell(backbone.denoiser.network), shell(backbone.denoiser.network)
    lora.add_lora(mine, [adapter])
    for name in names:
        layer: Any = merged.get_submodule(name)
        layer.weight = nn.Parameter(layer.weight + adapter[f"{name}.B"] @ adapter[f"{name}.A"])
    x, text = latent_of(backbone), backbone.embed(["a cat"])
    with torch.no_grad():
        outputs = [
            replace(backbone.denoiser, network=network).output(x, 500, text)
            for network in (mine, merged)
        ]
    assert torch.allclose(outputs[0], outputs[1], atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_the_loss_falls(method: type[Any], backbone: Backbone) -> None:
    """Against the losses of the same draws with a rate of nearly nothing."""
    source = clip(0)
    losses = []
    for rate in (1e-12, 1e-2):
        made = make(method, backbone, tuning_steps=30, tuning_rate=rate)
        _, told = made.tune(made.encode([source]), backbone.embed([source.prompt]))
        assert told.shape == (30, 1)
        losses.append(told[15:].mean().item())
    assert losses[1] < losses[0]


def test_vmc_tells_the_loss_of_its_paper_from_that_of_its_code(backbone: Backbone) -> None:
    adapters = [
        make(VMC, backbone, **changes).prepare(clip(0)).adapter
        for changes in ({}, {"residual": "code"}, {"compare": "output"})
    ]
    name = SETS[VMC][0]
    assert len({adapter[name].sum().item() for adapter in adapters}) == 3


# The backbone stays as it was found ---------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_the_backbone_is_left_as_it_was_found(method: type[Any], backbone: Backbone) -> None:
    before = {part: state(getattr(backbone, part).network) for part in ("codec", "text")}
    unet = state(backbone.denoiser.network)
    draws = torch.get_rng_state()
    made = make(method, backbone, checkpointing=True)
    made.transfer(made.prepare(clip(0)), "a cat", 0)
    assert state(backbone.denoiser.network) == unet
    assert {part: state(getattr(backbone, part).network) for part in before} == before
    assert torch.equal(torch.get_rng_state(), draws)


@pytest.mark.parametrize("method", METHODS)
def test_the_backbone_is_left_as_it_was_found_after_an_exception(
    method: type[Any], backbone: Backbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    unet = state(backbone.denoiser.network)
    made = make(method, backbone)
    monkeypatch.setattr(torch.optim.AdamW, "step", _fail)
    with pytest.raises(RuntimeError, match="the power went"):
        made.prepare(clip(0))
    assert state(backbone.denoiser.network) == unet


def _fail(*_arguments: Any, **_named: Any) -> None:
    raise RuntimeError("the power went")


@pytest.mark.slow
def test_a_network_that_wants_gradients_gets_none(tiny_backbone: Path) -> None:
    backbone = load_backbone(str(tiny_backbone))
    backbone.denoiser.network.requires_grad_(True)
    before = state(backbone.denoiser.network)
    make(TuneAVideo, backbone).prepare(clip(0))
    make(MotionDirector, backbone).prepare(clip(0))
    assert state(backbone.denoiser.network) == before


def test_a_shell_of_a_network_in_low_memory_runs_its_own_modules(tiny_backbone: Path) -> None:
    """Checkpointing sets a module's own forward, which a copy would share."""
    sparing = load_backbone(str(tiny_backbone), low_memory=True)
    plain = load_backbone(str(tiny_backbone))
    x, text = torch.randn(1, *plain.latent_shape((3, 16, 24))), plain.embed(["a dog"])
    copy = shell(sparing.denoiser.network)
    seen: list[int] = []
    for module in copy.modules():
        module.register_forward_pre_hook(lambda _module, _inputs: seen.append(1))
    found = Denoiser(copy, plain.schedule).output(x, 500, text)
    assert len(seen) > 100
    torch.testing.assert_close(found, plain.denoiser.output(x, 500, text))


def test_a_shell_costs_no_memory_for_weights(backbone: Backbone) -> None:
    mine = shell(backbone.denoiser.network)
    assert mine is not backbone.denoiser.network
    theirs = dict(backbone.denoiser.network.named_parameters())
    assert all(x.data_ptr() == theirs[name].data_ptr() for name, x in mine.named_parameters())


@pytest.mark.slow
@pytest.mark.parametrize("method", [VMC, MotionDirector])
def test_checkpointing_changes_nothing_but_the_memory(
    method: type[Any], backbone: Backbone
) -> None:
    source = clip(0)
    text = backbone.embed([source.prompt])
    losses = [
        made.tune(made.encode([source]), text)[1]
        for made in (make(method, backbone, checkpointing=on) for on in (False, True))
    ]
    assert torch.allclose(losses[0], losses[1], rtol=1e-4)


# As methods ---------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_clips_of_a_batch_are_tuned_and_sampled_as_alone(
    method: type[Any], backbone: Backbone, own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make(method, backbone, tuning_rate=1e-3)
    sources = [clip(0), clip(1, "cat")]
    prepared = made.prepare_batch(sources)
    pairs = [(1, "dog", 5), (0, "a cat", 4), (1, "a cat", 4)]  # a clip may stand there twice
    videos = made.transfer_batch(
        [prepared[i] for i, _, _ in pairs], [p for _, p, _ in pairs], [s for _, _, s in pairs]
    )
    monkeypatch.setenv("SMMBENCH_HOME", str(own_home / "other"))
    for (i, prompt, seed), video in zip(pairs, videos, strict=True):
        alone = made.prepare(sources[i])
        for name, tensor in alone.adapter.items():
            near = (tensor - prepared[i].adapter[name]).abs() < 1e-5
            assert near.float().mean() > 0.9, name  # Adam makes much of gradients of nearly 0
        single = made.transfer(alone, prompt, seed)
        assert abs(video.frames.astype(int) - single.frames).max() <= 3
        assert video.fps == single.fps == 8


# What makes another video: source, target prompt, seed, and the caption that is tuned with.
USES: dict[type[Any], set[str]] = {
    TuneAVideo: {"source", "prompt", "caption", "tuning"},
    VMC: {"source", "prompt", "caption", "tuning"},
    MotionDirector: {"source", "prompt", "seed", "caption", "tuning"},
}


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_each_uses_what_it_says(method: type[Any], backbone: Backbone) -> None:
    made = make(method, backbone)
    first = pixels(made, clip(0))
    others = {
        "source": pixels(made, clip(1)),
        "caption": pixels(made, clip(0, "cat")),
        "prompt": pixels(made, clip(0), prompt="dog"),
        "seed": pixels(made, clip(0), seed=1),
        "tuning": pixels(make(method, backbone, tuning_seed=1), clip(0)),
    }
    assert {name for name, other in others.items() if other != first} == USES[method]
    assert pixels(made, clip(0)) == first


def test_high_frequencies_of_the_start_are_drawn_where_asked_for(backbone: Backbone) -> None:
    made = make(VMC, backbone, downsample=2, tuning_steps=0)
    assert pixels(made, clip(0)) != pixels(made, clip(0), seed=1)


@pytest.mark.parametrize(
    ("caption", "kept"),
    [
        ("a cat is roaring on the grass under the tree", "a cat is roaring"),
        ("a ladybug in the snow", "a ladybug"),
        ("a sailboat at a volcano", "a sailboat"),
        ("a dancing inn", "a dancing inn"),
        ("", ""),
    ],
)
def test_the_appearance_invariant_prompt(caption: str, kept: str) -> None:
    assert appearance_invariant(caption) == kept


def test_vmc_tunes_with_the_prompt_it_is_told_to(backbone: Backbone) -> None:
    source = clip(0, "a dog in a city")
    told = {
        way: make(VMC, backbone, prompt=way).tuning_prompt(source)
        for way in ("invariant", "caption", "empty")
    }
    assert told == {"invariant": "a dog", "caption": "a dog in a city", "empty": ""}


@pytest.mark.parametrize("name", ["tune-a-video", "vmc", "motion-director"])
def test_each_is_installed_with_a_card_and_presets(name: str) -> None:
    method = load_offered("smmbench.methods", name, "method")
    emoji = method.Parameters(**method.presets["emoji"])
    assert (emoji.model, emoji.steps, emoji.guidance) == ("emoji", 25, 6.0)
    paper = method.Parameters(**method.presets["paper"])
    assert paper.model == "cerspense/zeroscope_v2_576w"
    assert "original" in method.card.notes
    assert "Changed:" in method.card.notes


@pytest.mark.parametrize(
    ("method", "change", "message"),
    [
        (TuneAVideo, {"tuning_steps": -1}, "tuning_steps must be at least 0"),
        (TuneAVideo, {"tuning_rate": 0.0}, "tuning_rate must be above 0"),
        (VMC, {"downsample": 0}, "downsample must be at least 1"),
        (VMC, {"inversion_steps": 0}, "inversion_steps must be at least 1"),
        (MotionDirector, {"rank": 0}, "rank must be at least 1"),
        (MotionDirector, {"noise_prior": 1.5}, "noise_prior must be from 0 to 1"),
    ],
)
def test_parameters_that_make_no_sense(
    method: type[Any], change: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        method.Parameters(**change)


def test_without_peft_the_method_says_what_to_install(
    backbone: Backbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(ImportError, match=r"pip install 'smmbench\[tuned\]'"):
        make(MotionDirector, backbone)


def test_a_network_without_such_layers_is_refused() -> None:
    with pytest.raises(LookupError, match="no linear layer like"):
        linear_layers(nn.Sequential(nn.Linear(2, 2)), TEMPORAL)


# The cache ----------------------------------------------------------------------------------------


@pytest.fixture
def tunings(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many clips were tuned at each call."""
    calls: list[int] = []
    for method in (TuneAVideo, MotionDirector):
        real: Callable[..., Any] = method.tune

        def counted(self: Any, x: Any, text: Any, real: Any = real) -> Any:
            calls.append(len(x))
            return real(self, x, text)

        monkeypatch.setattr(method, "tune", counted)
    return calls


@pytest.mark.parametrize(
    "method", [TuneAVideo, pytest.param(MotionDirector, marks=pytest.mark.slow)]
)
def test_a_clip_is_tuned_once(method: type[Any], backbone: Backbone, tunings: list[int]) -> None:
    made = make(method, backbone)
    first = made.transfer(made.prepare(clip(0)), "a cat", 0)
    again = made.transfer(made.prepare(clip(0)), "a cat", 0)
    assert first.pixels_sha256 == again.pixels_sha256
    make(method, backbone, guidance=1.0, steps=2, inversion_steps=2).prepare(clip(0))
    assert tunings == [1]  # how it is sampled makes no difference
    made.prepare_batch([clip(0), clip(1), clip(2)])
    assert tunings == [1, 2]  # the clips that are new, together
    make(method, backbone, tuning_rate=0.02).prepare(clip(0))
    made.prepare(clip(0, "another caption"))
    assert tunings == [1, 2, 1, 1]


@pytest.mark.parametrize("part", ["scheduler/scheduler_config.json", "vae/config.json"])
def test_an_adapter_belongs_to_its_schedule_and_scale(
    part: str, tiny_backbone: Path, tmp_path: Path, tunings: list[int]
) -> None:
    """The same weights under another configuration are another model."""
    shutil.copytree(tiny_backbone, tmp_path / "model")
    config = json.loads((tmp_path / "model" / part).read_text())
    make(TuneAVideo, load_backbone(str(tmp_path / "model")), tuning_steps=1).prepare(clip(0))
    change = {"beta_end": 0.05} if "scheduler" in part else {"scaling_factor": 0.3}
    (tmp_path / "model" / part).write_text(json.dumps(config | change))
    make(TuneAVideo, load_backbone(str(tmp_path / "model")), tuning_steps=1).prepare(clip(0))
    assert tunings == [1, 1]


@pytest.mark.slow
@pytest.mark.parametrize("damage", ["cut", "flip", "empty", "other"])
def test_a_damaged_entry_is_tuned_again(
    damage: str, backbone: Backbone, tunings: list[int]
) -> None:
    made = make(TuneAVideo, backbone, tuning_steps=1)
    whole = made.prepare(clip(0)).adapter
    path = adapter_path(made.origin(clip(0)))
    content = path.read_bytes()
    made_up = {
        "cut": content[:-7],
        "flip": content[:-3] + bytes([content[-3] ^ 1]) + content[-2:],
        "empty": b"",
        "other": b"no tensors at all",
    }
    path.write_bytes(made_up[damage])
    again = made.prepare(clip(0)).adapter
    assert tunings == [1, 1]
    assert all(torch.equal(again[name], tensor) for name, tensor in whole.items())
    made.prepare(clip(0))
    assert tunings == [1, 1]  # what was written again is whole


KILLED = """
import os, signal, torch
from smmbench.storage import tensor_cache
from smmbench_baselines.one_clip import adapters
tensor_cache.save_file = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
adapters.cached_adapters([{"clip": "a"}], lambda _: [{"x": torch.ones(3)}], "cpu")
"""


@pytest.mark.slow
def test_a_process_that_is_killed_while_it_writes_leaves_nothing_taken_for_whole(
    own_home: Path,
) -> None:
    killed = subprocess.run([sys.executable, "-c", KILLED], check=False)
    assert killed.returncode == -signal.SIGKILL
    left = [path for path in own_home.rglob("*") if path.is_file()]
    assert [path.name[:5] for path in left] == [".tmp-"]  # it was at it
    tuned: list[int] = []

    def tune_again(missing: Any) -> list[dict[str, Tensor]]:
        tuned.extend(missing)
        return [{"x": torch.ones(3)}]

    for _ in range(2):
        (adapter,) = cached_adapters([{"clip": "a"}], tune_again, "cpu")
        assert adapter["x"].tolist() == [1, 1, 1]
    assert tuned == [0]
    assert not [path for path in own_home.rglob(".tmp-*") if path.is_file()]


def test_bfloat16_adapters_are_kept_too() -> None:
    given = {"x": torch.tensor([1.5, -2.0], dtype=torch.bfloat16)}
    made = [given]
    for _ in range(2):  # the second time from the file
        (adapter,) = cached_adapters([{"clip": "b"}], lambda _: [made.pop()], "cpu")
        assert torch.equal(adapter["x"], given["x"])
        assert adapter["x"].dtype == torch.bfloat16


@pytest.mark.slow
def test_half_precision_is_tuned_in_single(tiny_backbone: Path) -> None:
    """bfloat16 for the network, float32 for what is tuned: small steps are not lost."""
    backbone = load_backbone(str(tiny_backbone), dtype=torch.bfloat16)
    for method in (TuneAVideo, MotionDirector):
        made = make(method, backbone, dtype="bfloat16")
        tuned = made.prepare(clip(0)).adapter
        assert {tensor.dtype for tensor in tuned.values()} == {torch.bfloat16}
        adapters, losses = made.tune(made.encode([clip(0)]), backbone.embed(["a dog"]))
        assert {tensor.dtype for tensor in adapters[0].values()} == {torch.float32}
        assert losses.isfinite().all()
    assert motion_director.Parameters().dtype == "float16"
