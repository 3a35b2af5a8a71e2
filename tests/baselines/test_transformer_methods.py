"""Methods on transformers: they run, are rejected where undefined, and keep their invariants."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.builders.transformers import build_tiny_cogvideox, build_tiny_wan

from smmbench.diffusion.backbone import Backbone, load_backbone
from smmbench.diffusion.denoiser import Latent
from smmbench.diffusion.families import FAMILIES
from smmbench.diffusion.flow import FlowSchedule
from smmbench.diffusion.method import DiffusionMethod
from smmbench.diffusion.noise import generators
from smmbench.diffusion.schedule import Prediction
from smmbench.method import Source
from smmbench.resolving import find_method, method_names
from smmbench.video import Video
from smmbench_baselines.attention import (
    attention_layers,
    cross_frame_logits,
    latent_time,
    over_time,
    over_time_layers,
    probabilities,
    projections,
)
from smmbench_baselines.fast_vmt import tile_flow, tiles, window_means
from smmbench_baselines.flow_edit import flow_edit
from smmbench_baselines.flow_motion import motion_loss, split_velocity
from smmbench_baselines.moving import joined, latent_times

METHODS = {
    name: method
    for name in method_names()
    if issubclass(method := find_method(name), DiffusionMethod)
    and method.__module__.startswith("smmbench")
}
SHORT: dict[str, Any] = {
    "steps": 3,
    "inversion_steps": 3,
    "tuning_steps": 2,
    "iterations": 1,
    "repeats": 1,
    "downsample": 2,
    "guided_to": 0.3,
    "rank": 2,
    "guided_steps": 2,
    "guidance": 3.0,
    "dtype": "float32",
    "prompt_prefix": "",
    "negative_prompt": "",
    "checkpointing": True,
}


@pytest.fixture(scope="module")
def backbones(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Backbone]:
    root = tmp_path_factory.mktemp("models")
    return {
        "wan": load_backbone(str(build_tiny_wan(root / "wan"))),
        "fat-wan": load_backbone(str(build_tiny_wan(root / "fat", (2, 2, 2), image_vae=True))),
        "cogvideox": load_backbone(str(build_tiny_cogvideox(root / "cogvideox"))),
    }


def clip(seed: int = 0, frames: int = 6) -> Source:
    rng = np.random.default_rng(seed)
    video = Video(rng.integers(0, 256, (frames, 32, 48, 3), dtype=np.uint8), 8.0)
    return Source("clip", video, "a dog", lambda: video)


def made(name: str, backbone: Backbone, **changes: Any) -> DiffusionMethod[Any, Any]:
    method = METHODS[name]
    parameters = method.Parameters()
    fields = {key: value for key, value in (SHORT | changes).items() if hasattr(parameters, key)}
    return method(replace(parameters, **fields), "cpu", backbone)


@pytest.mark.parametrize("name", METHODS)
def test_every_method_says_how_it_stands_to_every_family(name: str) -> None:
    families = METHODS[name].families
    assert set(families) == {family.name for family in FAMILIES}
    for support in families.values():
        assert support.status in ("original", "ported", "undefined")
        assert support.note or support.status != "undefined"


@pytest.mark.slow
@pytest.mark.parametrize("family", ["wan", "fat-wan", "cogvideox"])
@pytest.mark.parametrize("name", METHODS)
def test_a_method_runs_where_it_is_defined_and_is_refused_elsewhere(
    name: str, family: str, backbones: dict[str, Backbone]
) -> None:
    backbone = backbones[family]
    support = METHODS[name].families[backbone.family.name]
    if support.status == "undefined":
        with pytest.raises(ValueError, match=r"is undefined on .* It is defined on"):
            made(name, backbone)
        return
    method, source = made(name, backbone), clip()
    prepared = method.prepare(source)
    video = method.transfer(prepared, "a cat", 0)
    assert video.frames.shape == source.video.frames.shape and video.fps == 8.0
    assert np.array_equal(method.transfer(prepared, "a cat", 0).frames, video.frames)
    use = method.backbone_use()
    assert use is not None and use.family == backbone.family.name
    assert use.padded_frames == backbone.whole_frames(6) - 6


@pytest.mark.parametrize("family", ["wan", "cogvideox"])
def test_attention_is_the_networks_own(family: str, backbones: dict[str, Backbone]) -> None:
    """Softmax of our logits times the values is what the attention gives, for one head."""
    backbone = backbones[family]
    denoiser, text = backbone.denoiser, backbone.embed(["a cat"])
    (layer,) = attention_layers(denoiser, ())
    x = torch.randn(1, 4, 3, 4, 6, generator=torch.Generator().manual_seed(0))
    found = projections(denoiser, x, 500, text, [layer])[layer]
    original = torch.nn.functional.scaled_dot_product_attention

    def spy(*given: Any, **named: Any) -> torch.Tensor:
        q, k = given[:2] if given else (named["query"], named["key"])
        calls.append((q, k))
        return original(*given, **named)

    calls: list[tuple[torch.Tensor, torch.Tensor]] = []
    with pytest.MonkeyPatch.context() as patch, torch.no_grad():
        patch.setattr(torch.nn.functional, "scaled_dot_product_attention", spy)
        denoiser.output(x, 500, text)
    block = int(layer.split(".")[1])
    q, k = calls[block * (2 if family == "wan" else 1)]  # Wan's cross-attention comes between
    places = found.q.shape[0] * found.q.shape[1]
    for ours, theirs in ((found.q, q), (found.k, k)):
        together = theirs[:, :, -places:].movedim(1, 2).flatten(2)
        torch.testing.assert_close(ours.reshape(1, places, -1), together, atol=1e-5, rtol=1e-4)
    logits = cross_frame_logits(found, 1, 3)
    assert logits.shape == (1, 3, 6, 3, 6)


# FlowMotion ---------------------------------------------------------------------------------------


def latent(seed: int, time: int = 3) -> Latent:
    return torch.randn(2, 4, time, 4, 6, generator=torch.Generator().manual_seed(seed))


def test_flow_motions_loss_is_zero_for_the_source_alone() -> None:
    assert motion_loss(latent(0), latent(0), 20.0, 5.0).tolist() == [0, 0]
    assert (motion_loss(latent(0), latent(1), 20.0, 5.0) > 0).all()
    shifted = latent(0) + 1  # the same motion: only the first term sees it
    torch.testing.assert_close(
        motion_loss(shifted, latent(0), 0.0, 5.0), torch.zeros(2), atol=1e-6, rtol=0
    )
    assert motion_loss(shifted, latent(0), 20.0, 5.0).tolist() == pytest.approx([20, 20], rel=1e-4)
    assert motion_loss(latent(0, 1), latent(1, 1), 0.0, 5.0).tolist() == [0, 0]  # one frame


def test_a_split_velocity_keeps_the_latent_and_what_is_along() -> None:
    schedule = FlowSchedule(3.0)
    predicted = Prediction(latent(0), latent(1))
    x, way = schedule.at(700.0, predicted), latent(2)
    v = predicted.noise - predicted.x0
    for across in (0.0, 0.1, 1.0):
        found = split_velocity(schedule, x, predicted, 700.0, way, across)
        torch.testing.assert_close(schedule.at(700.0, found), x)
        kept = found.noise - found.x0
        torch.testing.assert_close(
            (kept * way).sum((1, 2, 3, 4)), (v * way).sum((1, 2, 3, 4)), rtol=1e-3, atol=1e-3
        )
    torch.testing.assert_close(kept, v, atol=1e-5, rtol=1e-4)
    whole = split_velocity(schedule, x, predicted, 700.0, torch.zeros_like(way), 0.0)
    torch.testing.assert_close(whole.noise - whole.x0, v, atol=1e-5, rtol=1e-4)


# FlowEdit -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["paper", "shared-noise"])
def test_flow_edit_leaves_a_clip_whose_prompts_say_the_same(form: Any) -> None:
    schedule, z = FlowSchedule(3.0), latent(0)

    def denoise(x: Latent, t: float) -> Prediction:
        return schedule.read(0.5 * x, x, t)

    def edit(target: Any) -> Latent:
        return flow_edit(
            schedule, denoise, target, z, schedule.timesteps(6), generators([0, 1]), form=form
        )

    torch.testing.assert_close(edit(denoise), z)
    moved = edit(lambda x, t: schedule.read(0.5 * x + 1, x, t))
    # The velocities differ by 1 and lead away from noise: the clip moves by minus the whole way.
    assert (moved - z).mean().item() < -0.5


def test_flow_edit_follows_a_constant_difference_exactly() -> None:
    schedule, z = FlowSchedule(3.0), latent(0)

    def constant(v: float) -> Any:
        return lambda x, t: schedule.read(torch.full_like(x, v), x, t)

    moved = flow_edit(
        schedule, constant(1.0), constant(3.0), z, schedule.timesteps(6), generators([0, 1])
    )
    torch.testing.assert_close(moved, z - 2, atol=1e-4, rtol=1e-4)


# FastVMT ------------------------------------------------------------------------------------------


def test_tiles_and_windows_average() -> None:
    x = torch.arange(12.0).view(1, 1, 3, 4, 1)
    assert tiles(x, (3, 4)).flatten().tolist() == [5.5]
    assert tiles(x, (2, 2)).flatten().tolist() == [2.5, 4.5, 8.5, 10.5]  # the last row alone
    torch.testing.assert_close(window_means(x, 1), x)
    torch.testing.assert_close(window_means(x, 21), torch.full_like(x, 5.5))


def test_tile_flow_finds_what_moves_within_its_window() -> None:
    """A place with a key of its own moves two to the right."""
    q = torch.zeros(1, 2, 3, 7, 2)
    q[:, :, 1, 2, 0] = 50.0
    k = torch.zeros(1, 2, 3, 7, 2)
    k[:, 1, 1, 4, 0] = 1.0
    flow = tile_flow(q, k, (1, 1), 7)
    assert flow[0, 0, 9].tolist() == pytest.approx([2, 0], abs=1e-3)  # row 1, column 2
    near = tile_flow(q, k, (1, 1), 3)  # it is outside of a window of three
    assert abs(near[0, 0, 9]).max() < 0.1


# Regions ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", ["wan", "fat-wan", "cogvideox"])
def test_attention_over_time_is_that_of_a_place_to_itself(
    family: str, backbones: dict[str, Backbone]
) -> None:
    """Of the joint attention's logits: frame by frame, at one place, and no other."""
    backbone = backbones[family]
    denoiser = backbone.denoiser
    (layer,) = over_time_layers(denoiser, "")
    x = torch.randn(1, backbone.codec.channels, 4, 4, 6, generator=torch.manual_seed(0))
    with torch.no_grad():
        found = projections(denoiser, x, 500, backbone.embed(["a cat"]), [layer])[layer]
    frames, place = latent_time(denoiser, x), 2
    heads = (
        torch.unflatten(found.q, -1, (found.heads, -1)),
        torch.unflatten(found.k, -1, (found.heads, -1)),
    )
    q, k = (side[:, place] for side in heads)  # frame, head, width
    logits = torch.einsum("ihw,jhw->hij", q, k) / q.shape[-1] ** 0.5
    own = probabilities(over_time(found, denoiser, x))
    assert own.shape[2:] == (frames, frames)
    torch.testing.assert_close(own[place], logits.softmax(-1))


def test_regions_follow_the_frames_of_the_latent() -> None:
    region = torch.zeros(1, 6, 1, 1, dtype=torch.bool)
    region[:, 1:4] = True
    assert latent_times(region, 9, 4).flatten().tolist() == [False, True, False]
    assert latent_times(region, 6, 1).equal(region)
    assert joined(region, 3).flatten().tolist() == [True, True, False]
    assert joined(region, 6).equal(region)


def test_an_undefined_family_is_refused_before_weights_are_read(tmp_path: Path) -> None:
    folder = build_tiny_wan(tmp_path / "wan")
    for path in (folder / "transformer").glob("*.safetensors"):
        path.write_bytes(b"no weights")
    method = METHODS["vmc"]
    with pytest.raises(ValueError, match=r"VMC .* is undefined on Wan .* layers over time"):
        method(replace(method.Parameters(), model=str(folder)), "cpu")
