"""The carried models are the published ones, and do what their cards say on a few true clips."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from smmbench.dataset import clip_named, load_dataset, source_video, true_tracks
from smmbench.diffusion.backbone import load_backbone
from smmbench.metrics.text_similarity import clip_text_similarity
from smmbench.scoring.models.text_model import TextModel
from smmbench.storage.home import SUMS
from smmbench_datasets.emoji.carried import MODELS, carried
from smmbench_datasets.emoji.judges import load_judge, load_locator
from smmbench_datasets.emoji.world import World

CLIPS = ("balloon-right", "dog-left", "penguin-jump")


@pytest.fixture(scope="module")
def frames() -> dict[str, np.ndarray]:
    dataset = load_dataset("emoji")
    return {name: source_video(dataset, clip_named(dataset, name)).frames for name in CLIPS}


def as_tensor(frames: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(frames).movedim(-1, 1) / 255


def test_carried_models_are_the_published_ones() -> None:
    for name in ("backbone", "clip", "judge"):
        assert carried(name) == MODELS / name


def test_changed_weights_are_refused(tmp_path: Path) -> None:
    shutil.copytree(MODELS / "judge", tmp_path / "judge")
    shutil.copy(MODELS / SUMS, tmp_path / SUMS)
    weights = tmp_path / "judge" / "judge.safetensors"
    weights.chmod(0o644)
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    with pytest.raises(ValueError, match=r"judge\.safetensors' is not the file that was published"):
        carried("judge", tmp_path)
    (tmp_path / SUMS).write_text("")
    with pytest.raises(ValueError, match="lists no file of 'clip'"):
        carried("clip", tmp_path)
    shutil.copy(MODELS / SUMS, tmp_path / SUMS)
    weights.unlink()
    with pytest.raises(ValueError, match=r"lacks 'judge/judge\.safetensors'"):
        carried("judge", tmp_path)


def test_every_weights_file_is_listed() -> None:
    listed = {line.split(maxsplit=1)[1] for line in (MODELS / SUMS).read_text().splitlines()}
    there = {path.relative_to(MODELS).as_posix() for path in MODELS.rglob("*.safetensors")}
    assert there <= listed


def test_weights_stay_small() -> None:
    assert sum(path.stat().st_size for path in MODELS.rglob("*.safetensors")) < 60e6


@pytest.mark.slow
def test_autoencoder_keeps_true_frames(frames: dict[str, np.ndarray]) -> None:
    backbone = load_backbone("emoji")
    clips = np.stack([frames[name][:4] for name in CLIPS])
    latent = backbone.encode(clips)
    error = (backbone.decode(latent).astype(float) - clips) / 255
    assert -10 * np.log10((error**2).mean()) > 31  # dB; the card says 35.3 on many more frames
    assert latent.mean().abs() < 0.2 and 0.7 < latent.std() < 1.3  # centred, of unit size


def test_clip_tells_right_captions_from_wrong_ones(frames: dict[str, np.ndarray]) -> None:
    model = TextModel("emoji-clip", "cpu")
    right = {"balloon-right": "a balloon in a meadow", "dog-left": "a dog in a forest"}
    wrong = {"balloon-right": "a bus in a meadow", "dog-left": "a dog in a desert"}
    for name in right:
        embedded = model.embed_frames(frames[name][::5])
        good = clip_text_similarity(embedded, model.embed_text(right[name]))
        bad = clip_text_similarity(embedded, model.embed_text(wrong[name]))
        assert good > 0.95
        assert bad < 0.65


def test_judge_and_locator_see_true_clips(frames: dict[str, np.ndarray]) -> None:
    judge, locator = load_judge(), load_locator()
    dataset = load_dataset("emoji")
    named = [
        World.objects[int(judge.classify(as_tensor(frames[name])).mean(0).argmax())]
        for name in CLIPS
    ]
    assert named == [name.split("-")[0] for name in CLIPS]
    for name in CLIPS:
        found = locator.locate(as_tensor(frames[name])).numpy()
        tracks = true_tracks(dataset, clip_named(dataset, name)).points
        steps = np.linalg.norm(np.diff(tracks, axis=1), axis=2).max(1) > 0.5
        centre = tracks[steps].mean(0)  # of the object's points: up to a constant, its path
        offset = found - centre
        assert np.abs(offset - offset.mean(0)).max() < 1.5  # pixels


@pytest.mark.slow
def test_text_to_video_shows_what_was_asked() -> None:
    backbone, model = load_backbone("emoji"), TextModel("emoji-clip", "cpu")
    from smmbench_research.emoji.training.evaluate import generate

    prompts = ["a rocket in outer space", "a cow in a meadow"]
    videos = generate(backbone, prompts, [0, 1], guidance=3.0, steps=12)
    shown = (videos * 255).round().byte().movedim(2, -1).numpy()
    for i, prompt in enumerate(prompts):
        own, other = (model.embed_text(text) for text in (prompt, prompts[1 - i]))
        embedded = model.embed_frames(shown[i])
        assert clip_text_similarity(embedded, own) > 0.9
        assert clip_text_similarity(embedded, other) < 0.4
