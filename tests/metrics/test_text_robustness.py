"""Text similarity after a blur, and by a held-out model: what each asks for and what it notices."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from smmbench.dataset import load_dataset
from smmbench.metrics import Task
from smmbench.metrics.text_similarity import TextSimilarity
from smmbench.metrics.text_similarity_degraded import TextSimilarityDegraded, degraded
from smmbench.metrics.text_similarity_held_out import TextSimilarityHeldOut
from smmbench.scoring import resources as scoring_resources
from smmbench.scoring.models import text_model
from smmbench.scoring.models.encoders import WeightsUnavailableError
from smmbench.scoring.resources import LoadedResources
from smmbench.video import Video


def loaded(manifest: Path, model: str) -> LoadedResources:
    dataset = load_dataset(manifest)
    protocol = dataset.manifest.protocol.model_copy(update={"text_model": model})
    return LoadedResources(dataset, protocol)


def task(resources: LoadedResources, frames: np.ndarray) -> Task:
    video = Video(frames, 8.0)
    return Task(resources.dataset.manifest.clips[0], "a cat", video, video.pixels_sha256)


def test_a_blur_takes_a_pattern_and_leaves_what_is_seen() -> None:
    ground = np.zeros((2, 128, 128, 3), dtype=np.uint8)
    ground[:, :, 64:] = 200
    pattern = ground + 4 * (np.indices((128, 128)).sum(axis=0) % 2)[None, :, :, None]
    pattern = pattern.astype(np.uint8)
    left = np.abs(degraded(pattern).astype(float) - degraded(ground).astype(float) - 2)
    assert np.abs(pattern - ground.astype(float) - 2).max() == 2
    assert left.max() <= 1
    assert (degraded(ground)[:, :, [0, -1]] == ground[:, :, [0, -1]]).all()


def test_where_nothing_can_be_blurred_both_numbers_are_one(
    small_dataset: Path, tiny_clip: Path
) -> None:
    resources = loaded(small_dataset, str(tiny_clip))
    plain, blurred = TextSimilarity(resources), TextSimilarityDegraded(resources)
    even = task(resources, np.full((3, 32, 32, 3), 90, dtype=np.uint8))
    assert blurred.measure(even).value == pytest.approx(plain.measure(even).value, abs=1e-6)
    rough = task(resources, np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), np.uint8))
    assert blurred.measure(rough).value != plain.measure(rough).value
    assert blurred.origin(rough)["blur"] > 0
    assert len(blurred.measure(rough).per_frame["text_similarity_degraded"]) == 3


def test_a_model_without_a_held_out_one_says_so(small_dataset: Path, tiny_clip: Path) -> None:
    resources = loaded(small_dataset, str(tiny_clip))
    with pytest.raises(WeightsUnavailableError, match=r"no held-out text model.*-held-out'"):
        TextSimilarityHeldOut(resources)


def test_the_held_out_model_is_the_one_of_that_name(
    small_dataset: Path, tiny_clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is asked for without the first one being loaded, and gives that model's number."""
    names = {"toy-clip-held-out": None}
    for module in (scoring_resources, text_model):
        monkeypatch.setattr(module, "offered", lambda group: names)
    monkeypatch.setattr(text_model, "load_offered", lambda group, name, what: lambda: tiny_clip)
    resources = loaded(small_dataset, "toy-clip")
    frames = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), np.uint8)
    held_out = TextSimilarityHeldOut(resources)
    same = TextSimilarity(loaded(small_dataset, str(tiny_clip)))
    one = task(resources, frames)
    assert held_out.measure(one).value == pytest.approx(same.measure(one).value)
    assert held_out.origin(one)["text_model"]["text_model"] == "toy-clip-held-out"
