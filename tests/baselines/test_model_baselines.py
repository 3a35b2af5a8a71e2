"""The baselines that share the backbone: what each uses of source, prompt and seed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from smmbench.diffusion.backbone import Backbone, load_backbone
from smmbench.diffusion.method import DiffusionMethod
from smmbench.diffusion.parameters import DiffusionParameters
from smmbench.method import Source
from smmbench.plugins import load_offered
from smmbench.smm import SMM
from smmbench.video import Video
from smmbench_baselines import inversion_swap, sdedit
from smmbench_baselines.inversion_swap import InversionSwap
from smmbench_baselines.on_a_still import (
    FlowStill,
    InsetStill,
    OverlayStill,
    TextureStill,
    carried,
    object_mask,
)
from smmbench_baselines.sdedit import SDEdit
from smmbench_baselines.text_only import TextOnly
from smmbench_baselines.vae_round_trip import VAERoundTrip

SMALL: dict[str, Any] = {
    "dtype": "float32",
    "steps": 3,
    "guidance": 3.0,
    "prompt_prefix": "",
    "negative_prompt": "",
}
METHODS = (SMM, SDEdit, InversionSwap, TextOnly, VAERoundTrip)


@pytest.fixture(scope="module")
def backbone(tiny_backbone: Path) -> Backbone:
    return load_backbone(str(tiny_backbone))


def clip(seed: int, prompt: str = "a dog") -> Source:
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (3, 2, 3, 3), dtype=np.uint8)
    video = Video(coarse.repeat(8, axis=1).repeat(8, axis=2), fps=8.0)
    return Source(f"clip-{seed}", video, prompt, lambda: video)


def make(method: type[DiffusionMethod[Any, Any]], backbone: Backbone, **changes: Any) -> Any:
    return method(method.Parameters(**SMALL, **changes), "cpu", backbone)


def pixels(method: Any, source: Source, prompt: str = "a cat", seed: int = 0) -> str:
    return method.transfer(method.prepare(source), prompt, seed).pixels_sha256


# What makes another video: source, source's caption, target prompt, seed.
USES = {
    SDEdit: {"source", "prompt", "seed"},
    InversionSwap: {"source", "caption", "prompt"},
    TextOnly: {"prompt", "seed"},
    VAERoundTrip: {"source"},
}


@pytest.mark.parametrize("method", USES)
def test_each_uses_what_it_says(
    method: type[DiffusionMethod[Any, Any]], backbone: Backbone
) -> None:
    changes = {"inversion_steps": 3} if method is InversionSwap else {}
    made = make(method, backbone, **changes)
    first = pixels(made, clip(0))
    others = {
        "source": pixels(made, clip(1)),
        "caption": pixels(made, clip(0, "cat")),
        "prompt": pixels(made, clip(0), prompt="dog"),
        "seed": pixels(made, clip(0), seed=1),
    }
    assert {name for name, other in others.items() if other != first} == USES[method]
    assert pixels(made, clip(0)) == first


@pytest.mark.parametrize("method", USES)
def test_a_video_keeps_length_size_and_rate_alone_and_in_a_batch(
    method: type[DiffusionMethod[Any, Any]], backbone: Backbone
) -> None:
    changes = {"inversion_steps": 3} if method is InversionSwap else {}
    made = make(method, backbone, **changes)
    sources = [clip(0), clip(1, "cat")]
    videos = made.transfer_batch(made.prepare_batch(sources), ["a cat", "dog"], [4, 5])
    alone = made.transfer(made.prepare(sources[1]), "dog", 5)
    assert alone.frames.shape == sources[1].video.frames.shape
    assert alone.fps == 8
    assert abs(videos[1].frames.astype(int) - alone.frames).max() <= 2


def test_sdedit_without_noise_is_the_round_trip(backbone: Backbone) -> None:
    round_trip = pixels(make(VAERoundTrip, backbone), clip(0))
    assert pixels(make(SDEdit, backbone, noise_level=0.0), clip(0)) == round_trip
    assert pixels(make(SDEdit, backbone, noise_level=0.6), clip(0)) != round_trip


def test_sdedit_from_pure_noise_is_text_alone(backbone: Backbone) -> None:
    """This model's first timestep holds no signal, so nothing of the source is left."""
    full = make(SDEdit, backbone, noise_level=1.0)
    assert pixels(full, clip(0)) == pixels(make(TextOnly, backbone), clip(0))


def test_sdedit_moves_further_from_the_source_with_its_noise(backbone: Backbone) -> None:
    source = clip(0)
    base = make(VAERoundTrip, backbone)
    origin = base.transfer(base.prepare(source), "", 0).frames.astype(float)
    distances = []
    for level in (0.6, 0.8, 1.0):
        made = make(SDEdit, backbone, noise_level=level, guidance_rescale=0.5)
        made.parameters = replace(made.parameters, guidance=1.0)
        video = made.transfer(made.prepare(source), "a cat", 0)
        distances.append(np.abs(video.frames - origin).mean())
    assert distances == sorted(distances)


def test_ddim_with_the_same_prompt_and_no_guidance_returns_near_the_clip(
    backbone: Backbone,
) -> None:
    source = clip(0)
    base = make(VAERoundTrip, backbone)
    origin = base.transfer(base.prepare(source), "", 0).frames.astype(float)
    errors = []
    for steps in (4, 20):
        parameters = inversion_swap.Parameters(
            **{**SMALL, "steps": steps, "guidance": 1.0}, inversion_steps=steps
        )
        made = InversionSwap(parameters, "cpu", backbone)
        video = made.transfer(made.prepare(source), source.prompt, 0)
        errors.append(np.abs(video.frames - origin).mean())
    assert errors[1] < errors[0]
    text_only = make(TextOnly, backbone)
    other = text_only.transfer(text_only.prepare(source), source.prompt, 0)
    assert errors[1] < np.abs(other.frames - origin).mean() / 2


@pytest.mark.parametrize(
    "name",
    [
        *("smm", "sdedit", "inversion-swap", "text-only", "vae-round-trip"),
        *("texture-still", "overlay-still", "inset-still", "flow-still"),
    ],
)
def test_each_is_installed_with_a_card_and_a_preset_for_the_embedded_model(name: str) -> None:
    method = load_offered("smmbench.methods", name, "method")
    parameters = method.Parameters(**method.presets["emoji"])
    assert isinstance(parameters, DiffusionParameters)
    assert parameters.model == "emoji"
    assert parameters.dtype == "float32"
    assert method.card.title


def test_a_method_loads_the_model_it_names(tiny_backbone: Path) -> None:
    made = TextOnly(DiffusionParameters(model=str(tiny_backbone), dtype="float32"), "cpu")
    assert set(made.weights()) == {"unet", "vae", "text_encoder"}


def test_clips_of_other_shapes_do_not_share_a_batch(backbone: Backbone) -> None:
    short = replace(clip(1), video=Video(clip(1).video.frames[:2], 8.0))
    with pytest.raises(ValueError, match="clips of the same shape"):
        make(SDEdit, backbone).prepare_batch([clip(0), short])


def test_a_noise_level_that_noises_nothing_is_refused(backbone: Backbone) -> None:
    with pytest.raises(ValueError, match=r"noise_level 0\.2 is below the cleanest of 3 steps"):
        make(SDEdit, backbone, noise_level=0.2)


def test_stills_are_of_text_alone_and_what_is_added_is_the_sources(backbone: Backbone) -> None:
    source = clip(0)
    text_only = make(TextOnly, backbone)
    plain = text_only.transfer(text_only.prepare(source), "a cat", 0).frames
    still = plain[len(plain) // 2].astype(float)
    for control, changes, most in (
        (TextureStill, {"levels": 3.0}, 20),
        (OverlayStill, {"share": 0.08}, 0.08 * 255 + 1),
    ):
        made = make(control, backbone, **changes)
        output = made.transfer(made.prepare(source), "a cat", 0).frames
        assert output.shape == source.video.frames.shape
        assert np.abs(output - still).max() <= most
        assert (output != output[0]).any()
    for control, nothing in ((TextureStill, {"levels": 0.0}), (OverlayStill, {"share": 0.0})):
        made = make(control, backbone, **nothing)
        assert (made.transfer(made.prepare(source), "a cat", 0).frames == still).all()


def test_an_inset_shows_the_source_in_its_corner(backbone: Backbone) -> None:
    source = clip(0)
    made = make(InsetStill, backbone, scale=0.5)
    output = made.transfer(made.prepare(source), "a cat", 0).frames
    frames = source.video.frames
    height, width = frames.shape[1:3]
    halves = frames.reshape(len(frames), height // 2, 2, width // 2, 2, 3).mean(axis=(2, 4))
    np.testing.assert_allclose(output[:, height // 2 :, width // 2 :], halves, atol=1)
    assert (output[:, : height // 2] == output[0, : height // 2]).all()


def test_a_flow_still_moves_where_the_source_does(backbone: Backbone) -> None:
    source = clip(0)
    still = Video(np.repeat(source.video.frames[:1], len(source.video.frames), axis=0), 8.0)
    made = make(FlowStill, backbone)
    frozen = made.transfer(made.prepare(replace(source, video=still)), "a cat", 0).frames
    assert (frozen == frozen[0]).all()  # nothing moves in the source
    output = made.transfer(made.prepare(source), "a cat", 0).frames
    away = object_mask(source.video.frames)[..., 0].max(axis=0) == 0
    assert output.shape == source.video.frames.shape
    assert (output[:, away] == output[0, away]).all()


def test_a_texture_goes_where_the_clip_goes() -> None:
    """Over a clip that shifts by 2 pixels a frame, so does the texture, away from the borders."""
    rng = np.random.default_rng(0)
    wide = cv2.GaussianBlur(rng.normal(size=(64, 96)).astype(np.float32), (0, 0), 2)
    wide = np.rint(128 + 60 * wide / wide.std()).clip(0, 255).astype(np.uint8)
    frames = np.stack([wide[:, 20 - 2 * t : 84 - 2 * t] for t in range(4)])
    moved = carried(frames[0].astype(np.float32), np.repeat(frames[..., None], 3, axis=-1))
    for t in range(4):
        inside = moved[t, 12:-12, 12:-12], frames[t, 12:-12, 12:-12].astype(float)
        assert np.abs(inside[0] - inside[1]).mean() < 4


def test_a_noise_level_is_a_share() -> None:
    with pytest.raises(ValueError, match=r"noise_level must be a noise level from 0 .* got 1\.2"):
        sdedit.Parameters(noise_level=1.2)
