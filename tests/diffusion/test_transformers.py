"""Wan and CogVideoX: equal to diffusers' pipelines, with tokens and frames where they belong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.builders.transformers import build_tiny_cogvideox, build_tiny_wan

from smmbench.diffusion.backbone import Backbone, load_backbone
from smmbench.diffusion.denoiser import Latent
from smmbench.diffusion.inversion import invert
from smmbench.diffusion.noise import generators, noise
from smmbench.diffusion.sampling import sample

STEPS = 5
"""They divide 1000: otherwise diffusers' DDIM steps to another timestep than the next one's."""

SHAPES = {"wan": (1, 4, 3, 4, 6), "cogvideox-2b": (1, 4, 3, 4, 6), "cogvideox-5b": (1, 4, 3, 4, 6)}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("transformers")
    return {
        "wan": build_tiny_wan(root / "wan"),
        "fat-wan": build_tiny_wan(root / "fat-wan", (2, 2, 2), image_vae=True),
        "cogvideox-2b": build_tiny_cogvideox(root / "cogvideox-2b", rotary=False),
        "cogvideox-5b": build_tiny_cogvideox(root / "cogvideox-5b"),
    }


@pytest.fixture(scope="module")
def backbones(folders: dict[str, Path]) -> dict[str, Backbone]:
    return {name: load_backbone(str(folder)) for name, folder in folders.items()}


ALL = pytest.mark.parametrize("name", ["wan", "fat-wan", "cogvideox-2b", "cogvideox-5b"])


def latent(backbone: Backbone, seed: int = 0, time: int = 4) -> Latent:
    like = torch.zeros(1, backbone.codec.channels, time, 4, 6)
    return noise(like, generators([seed]))


def pipeline(name: str, folder: Path, backbone: Backbone) -> Any:
    import diffusers

    untyped: Any = diffusers
    parts = {
        "transformer": backbone.denoiser.network,
        "vae": backbone.codec.network,
        "text_encoder": backbone.text.network,
        "tokenizer": backbone.text.tokenizer,
    }
    if name == "wan":
        scheduler = untyped.FlowMatchEulerDiscreteScheduler(shift=3.0)
        return untyped.WanPipeline(**parts, scheduler=scheduler)
    scheduler = untyped.CogVideoXDDIMScheduler.from_pretrained(folder / "scheduler")
    return untyped.CogVideoXPipeline(**parts, scheduler=scheduler)


@pytest.mark.parametrize("name", SHAPES)
def test_sampling_equals_the_pipeline(
    name: str, folders: dict[str, Path], backbones: dict[str, Backbone]
) -> None:
    """The same latents, prompts and guidance scale give the same latents to 1e-4."""
    backbone = backbones[name]
    text, negative = backbone.embed(["a cat"]), backbone.embed(["bad"])
    x = latent(backbone, time=3)
    ours = sample(
        backbone.schedule,
        lambda x, t: backbone.denoiser.guided(x, t, text, negative, 5.0),
        x,
        backbone.schedule.timesteps(STEPS),
    )
    video_axis_first = x if name == "wan" else x.movedim(2, 1)
    pipe = pipeline(name, folders[name], backbone)
    pipe.set_progress_bar_config(disable=True)
    theirs = pipe(
        prompt_embeds=text,
        negative_prompt_embeds=negative,
        latents=video_axis_first.clone(),
        height=32,
        width=48,
        num_frames=9,
        num_inference_steps=STEPS,
        guidance_scale=5.0,
        output_type="latent",
    ).frames
    theirs = theirs if name == "wan" else theirs.movedim(1, 2)
    torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)
    assert (ours - x).abs().max() > 0.1


@pytest.mark.parametrize("name", SHAPES)
def test_text_states_equal_the_pipelines(
    name: str, folders: dict[str, Path], backbones: dict[str, Backbone]
) -> None:
    backbone = backbones[name]
    pipe = pipeline(name, folders[name], backbone)
    theirs, _ = pipe.encode_prompt(
        ["a cat"], do_classifier_free_guidance=False, max_sequence_length=backbone.text.length
    )
    torch.testing.assert_close(backbone.embed(["a cat"]), theirs)
    if name == "wan":
        assert not theirs[0, -1].any()  # behind the end of the prompt
        assert theirs[0, 0].any()


@ALL
def test_a_changed_voxel_changes_its_own_token_most(
    name: str, backbones: dict[str, Backbone]
) -> None:
    """Before any attention: the patch embedding's tokens, unfolded, are where the voxel is."""
    backbone = backbones[name]
    family, network = backbone.family, backbone.denoiser.network
    patch = family.patch(network)
    layer = "blocks.0.norm1" if family.name == "wan" else "patch_embed"
    text = backbone.embed([""])
    x = latent(backbone)
    at = (2, 3, 1)
    changed = x.clone()
    changed[0, :, at[0], at[1], at[2]] += 1
    a, b = (backbone.denoiser.features(one, 0, text, [layer])[layer] for one in (x, changed))
    places = (a - b).abs().sum(2)[0].nonzero()
    assert places.tolist() == [[side // step for side, step in zip(at, patch, strict=True)]]


@ALL
def test_features_have_a_place_for_every_patch_and_carry_gradients(
    name: str, backbones: dict[str, Backbone]
) -> None:
    backbone = backbones[name]
    layers = backbone.family.middle(backbone.denoiser.network)
    patch = backbone.family.patch(backbone.denoiser.network)
    x = latent(backbone).requires_grad_()
    with torch.enable_grad():
        f = backbone.denoiser.features(x, 500, backbone.embed(["a cat"]), layers)[layers[0]]
        f.square().sum().backward()
    assert f.shape[1] == 4 // patch[0] and f.shape[3:] == (4 // patch[1], 6 // patch[2])
    assert x.grad is not None and x.grad.isfinite().all() and (x.grad != 0).any()


@ALL
def test_clips_of_any_length_come_back_in_their_length(
    name: str, backbones: dict[str, Backbone]
) -> None:
    backbone = backbones[name]
    rng = np.random.default_rng(0)
    for frames in (1, 4, 5, 7):
        clip = rng.integers(0, 256, (1, frames, 32, 48, 3), dtype=np.uint8)
        x = backbone.encode(clip)
        assert x.shape[1:] == backbone.latent_shape((frames, 32, 48))
        whole = backbone.decode(x).shape[1]
        assert whole == backbone.whole_frames(frames) >= frames
        padded = np.concatenate([clip, np.repeat(clip[:, -1:], whole - frames, axis=1)], axis=1)
        torch.testing.assert_close(backbone.encode(padded), x)


def test_whole_frames_are_those_of_the_family_and_fill_the_patches(
    backbones: dict[str, Backbone],
) -> None:
    def whole(name: str, *frames: int) -> list[int]:
        return [backbones[name].whole_frames(n) for n in frames]

    assert whole("wan", 1, 2, 5, 16, 24, 81) == [1, 5, 5, 17, 25, 81]
    assert whole("cogvideox-5b", 1, 2, 9, 16, 24, 49) == [1, 9, 9, 17, 25, 49]
    assert whole("fat-wan", 1, 2, 3) == [2, 2, 4]


def test_the_statistics_of_wans_latents_are_applied(backbones: dict[str, Backbone]) -> None:
    """Values that are not 0 and 1: each channel is shifted and scaled by its own."""
    codec = backbones["wan"].codec
    z = torch.randn(1, 4, 2, 2, 2)
    x = codec.normalised(z)
    mean = torch.tensor([-0.5, 0.1, 0.3, 0.0]).view(1, 4, 1, 1, 1)
    deviation = torch.tensor([2.0, 0.5, 1.5, 0.8]).view(1, 4, 1, 1, 1)
    torch.testing.assert_close(x, (z - mean) / deviation)
    torch.testing.assert_close(codec.restored(x), z)
    clip = np.full((1, 1, 32, 48, 3), 128, dtype=np.uint8)
    raw = codec.distribution(clip)[0]
    torch.testing.assert_close(backbones["wan"].encode(clip), (raw - mean) / deviation)


@ALL
def test_a_size_that_patches_do_not_fill_is_refused(
    name: str, backbones: dict[str, Backbone]
) -> None:
    with pytest.raises(ValueError, match="height and width divisible by 16, got 24x48"):
        backbones[name].latent_shape((1, 24, 48))


def test_inversion_of_a_flow_comes_back(backbones: dict[str, Backbone]) -> None:
    """Refinements bring the round trip nearer; RF-Solver's second order does so too."""
    backbone = backbones["wan"]
    denoiser, text, clean = backbone.denoiser, backbone.embed(["a cat"]), 0.5 * latent(backbone)
    timesteps = backbone.schedule.timesteps(8)

    def error(**how: Any) -> float:
        x = invert(denoiser, clean, text, timesteps[::-1], timesteps, **how)[timesteps[0]]
        back = sample(backbone.schedule, lambda x, t: denoiser.predict(x, t, text), x, timesteps)
        return float((back - clean).norm() / clean.norm())

    plain = error()
    assert error(refinements=2) < 0.5 * plain
    assert error(refinements=8) < 0.1 * plain
    with pytest.raises(ValueError, match="no refinements"):
        error(solver="rf-solver", refinements=1)


def test_rf_solver_is_for_flows(backbones: dict[str, Backbone]) -> None:
    backbone = backbones["cogvideox-5b"]
    with pytest.raises(ValueError, match="rf-solver needs a flow-matching model"):
        invert(
            backbone.denoiser, latent(backbone), backbone.embed([""]), [19], [], solver="rf-solver"
        )
