"""The bundled models of emoji-wan are the published ones and do what their cards say."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from smmbench.dataset import clip_named, load_dataset, source_video
from smmbench.metrics.text_similarity import clip_text_similarity
from smmbench.scoring.models.text_model import TextModel
from smmbench.storage.home import SUMS
from smmbench_datasets.emoji.carried import MODELS as EMOJI_MODELS
from smmbench_datasets.emoji.carried import carried
from smmbench_datasets.emoji_wan import make
from smmbench_research.emoji_wan import sampler, vae, whole_sequence

MODELS = make.HERE / "models"
WEIGHTS_LIMIT, ALL_LIMIT = 32e6, 88e6  # bytes


@pytest.fixture(scope="module")
def videos() -> torch.Tensor:
    """Two true clips, (clips, 3, time, height, width), 0 to 1."""
    dataset = load_dataset("emoji-wan-val")
    frames = [source_video(dataset, clip).frames for clip in dataset.manifest.clips[:2]]
    return torch.from_numpy(np.stack(frames)).permute(0, 4, 1, 2, 3) / 255


def test_models_are_the_published_ones_and_listed() -> None:
    for name in ("backbone", "residual", "patches"):
        assert carried(name, MODELS) == MODELS / name
    listed = {line.split(maxsplit=1)[1] for line in (MODELS / SUMS).read_text().splitlines()}
    there = {path.relative_to(MODELS).as_posix() for path in MODELS.rglob("*.safetensors")}
    assert there <= listed


def test_weights_stay_small() -> None:
    ours = sum(path.stat().st_size for path in MODELS.rglob("*.safetensors"))
    theirs = sum(path.stat().st_size for path in EMOJI_MODELS.rglob("*.safetensors"))
    assert ours < WEIGHTS_LIMIT and ours + theirs < ALL_LIMIT


def test_backbone_names_the_classes_of_wan() -> None:
    parts = json.loads((MODELS / "backbone" / "model_index.json").read_text())
    assert parts["_class_name"] == "WanPipeline"
    assert parts["transformer"] == ["diffusers", "WanTransformer3DModel"]
    assert parts["vae"] == ["diffusers", "AutoencoderKLWan"]
    assert parts["text_encoder"] == ["transformers", "UMT5EncoderModel"]


@pytest.mark.slow
def test_vae_keeps_true_clips_in_both_forms(videos: torch.Tensor) -> None:
    model = vae.load(MODELS / "backbone" / "vae", torch.device("cpu"))
    with torch.no_grad():
        latents = model.encode(2 * videos - 1).latent_dist.mode()
        decoded = model.decode(latents).sample
        fast, _ = whole_sequence.encode(model, 2 * videos - 1)
    torch.testing.assert_close(fast, latents, atol=1e-4, rtol=1e-4)
    assert latents.shape == (2, 16, 9, 16, 16)
    error = ((decoded + 1) / 2 - videos).square().mean()
    assert -10 * error.log10() > 26  # dB; the card says 28.0 on many more clips
    mean, deviation = (
        torch.tensor(values).view(1, -1, 1, 1, 1)
        for values in (model.config.latents_mean, model.config.latents_std)
    )
    normal = (latents - mean) / deviation
    assert normal.mean().abs() < 0.3 and 0.6 < normal.std() < 1.4


@pytest.mark.parametrize("name", ["emoji-wan-clip", "emoji-wan-clip-held-out"])
def test_text_models_rank_partial_matches(name: str) -> None:
    dataset = load_dataset("emoji-wan")
    clip = clip_named(dataset, "balloon-meadow-right")
    model = TextModel(name, "cpu")
    embedded = model.embed_frames(source_video(dataset, clip).frames[::4])

    def score(text: str) -> float:
        return float(clip_text_similarity(embedded, model.embed_text(text)))

    right, half = score(clip.prompt), score("a bus in a meadow")
    assert right > 0.8
    assert right - 0.1 > half > score("a bus in a city at night") + 0.1
    assert right - 0.1 > score("a blue balloon in a meadow")
    assert right - 0.1 > score("two balloons in a meadow")


@pytest.mark.slow
def test_transformer_follows_scene_and_direction() -> None:
    from smmbench_datasets.emoji.judges import load_locator

    model = sampler.Sampler(MODELS / "backbone", torch.device("cpu"))
    prompts = ["a balloon moving right in a desert", "a balloon moving left in a city at night"]
    videos = model.sample(prompts, [0, 1], guidance=4.0, steps=12)
    assert videos[0, :, :, :20].mean() > videos[1, :, :, :20].mean() + 0.3  # day and night sky
    locator = load_locator()
    for video, way in zip(videos, (1, -1), strict=True):
        path = locator.locate(video.transpose(0, 1))
        assert way * float(path[-1, 0] - path[0, 0]) > 8  # pixels
