"""PickScore and DINO consistency on small random models in the layout of the hub's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from smmbench.dataset import Clip, Protocol, load_dataset
from smmbench.metrics import HubModel, Task, metric
from smmbench.metrics.dino_consistency import dino_consistency, first_tokens
from smmbench.scoring.models.hub_model import WeightsMissingError, hub_folder
from smmbench.scoring.resources import LoadedResources
from smmbench.video import Video


@pytest.fixture(scope="module")
def pickscore(tmp_path_factory: pytest.TempPathFactory, tiny_backbone: Path) -> Path:
    """A tiny random CLIP of transformers with its processor; it reads 16 tokens."""
    import torch
    from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPProcessor, CLIPTokenizer

    folder = tmp_path_factory.mktemp("pickscore")
    layers = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1}
    layers["num_attention_heads"] = 2
    text = {"vocab_size": 64, "max_position_embeddings": 16, "bos_token_id": 62, "eos_token_id": 63}
    vision = {"image_size": 32, "patch_size": 16}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = CLIPModel(
            CLIPConfig(
                text_config=layers | text | {"pad_token_id": 63},
                vision_config=layers | vision,
                projection_dim=8,
            )
        )
    model.save_pretrained(folder)
    size = {"shortest_edge": 32}
    images = CLIPImageProcessor(size=size, crop_size={"height": 32, "width": 32})
    words = CLIPTokenizer.from_pretrained(tiny_backbone / "tokenizer")
    untyped: Any = CLIPProcessor
    untyped(image_processor=images, tokenizer=words).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def dino(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny random DINOv2 with its processor."""
    import torch
    from transformers import BitImageProcessor, Dinov2Config, Dinov2Model

    folder = tmp_path_factory.mktemp("dino")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        config = Dinov2Config(
            hidden_size=16,
            num_hidden_layers=1,
            num_attention_heads=2,
            image_size=28,
            patch_size=14,
        )
        Dinov2Model(config).save_pretrained(folder)
    size = {"shortest_edge": 28}
    processor = BitImageProcessor(size=size, crop_size={"height": 28, "width": 28})
    processor.save_pretrained(folder)
    return folder


@pytest.fixture
def resources(square_dataset: Path) -> LoadedResources:
    dataset = load_dataset(square_dataset)
    protocol: Protocol = dataset.manifest.protocol
    return LoadedResources(dataset, protocol)


def task_of(resources: LoadedResources, video: Video, prompt: str = "a dog") -> Task:
    clip: Clip = resources.dataset.manifest.clips[0]
    return Task(clip, prompt, video, video.pixels_sha256)


def frozen(video: Video) -> Video:
    return Video(np.repeat(video.frames[:1], len(video.frames), axis=0), video.fps)


def test_pickscore_is_the_mean_of_scaled_cosines(
    monkeypatch: pytest.MonkeyPatch,
    pickscore: Path,
    resources: LoadedResources,
    moving_square: Video,
) -> None:
    import torch
    from transformers import CLIPModel, CLIPProcessor

    monkeypatch.setenv("SMMBENCH_PICKSCORE", str(pickscore))
    measure = metric("pickscore")(resources)
    found = measure.measure(task_of(resources, moving_square))
    untyped: Any = CLIPProcessor
    model: Any = CLIPModel.from_pretrained(pickscore)
    processor = untyped.from_pretrained(pickscore)
    cosines = []
    for frame in moving_square.frames:
        inputs = processor(
            text=["a dog"], images=[frame], return_tensors="pt", padding="max_length"
        )
        with torch.no_grad():
            out = model.eval()(**inputs)
        cosines.append(torch.cosine_similarity(out.image_embeds, out.text_embeds).item())
    expected = model.logit_scale.exp().item() * np.mean(cosines)
    assert found.value == pytest.approx(expected, abs=1e-5)
    assert found.note == ""
    origin = measure.origin(task_of(resources, moving_square))
    assert json.loads(json.dumps(origin)) == origin
    assert len(origin["model"]["weights"]["weights"]) == 64
    assert origin["model"]["commit"] == ""  # a folder of the user's: its hashes say what it is
    long = measure.measure(task_of(resources, moving_square, "a cat and " * 10))
    assert "truncated to the 16 tokens" in long.note


def test_dino_consistency_of_frozen_and_moving_frames(
    monkeypatch: pytest.MonkeyPatch, dino: Path, resources: LoadedResources, moving_square: Video
) -> None:
    import torch
    from transformers import AutoImageProcessor, Dinov2Model

    monkeypatch.setenv("SMMBENCH_DINO", str(dino))
    measure = metric("dino_consistency")(resources)
    assert measure.measure(task_of(resources, frozen(moving_square))).value == pytest.approx(1)
    value = measure.measure(task_of(resources, moving_square)).value
    assert value < 1 - 1e-6
    untyped: Any = AutoImageProcessor
    model: Any = Dinov2Model.from_pretrained(dino)
    model.eval()
    processor = untyped.from_pretrained(dino)
    with torch.no_grad():
        tokens = [
            model(**processor(images=frame, return_tensors="pt")).last_hidden_state[0, 0].numpy()
            for frame in moving_square.frames
        ]
    assert value == pytest.approx(dino_consistency(np.stack(tokens)), abs=1e-5)


@pytest.mark.parametrize("batch", [1, 3, 100])
def test_batches_change_nothing(
    monkeypatch: pytest.MonkeyPatch, dino: Path, moving_square: Video, batch: int
) -> None:
    import torch
    from transformers import BitImageProcessor, Dinov2Model

    from smmbench.scoring.models.frame_model import FrameModel

    monkeypatch.setenv("SMMBENCH_DINO", str(dino))
    folder = hub_folder(HubModel("facebook/dinov2-base", "f" * 40, "SMMBENCH_DINO"))
    model = FrameModel(folder, Dinov2Model, BitImageProcessor, "cpu")
    parts = [out.last_hidden_state[:, 0] for out in model.batches(moving_square.frames, batch)]
    whole = first_tokens(model, moving_square.frames)
    np.testing.assert_allclose(torch.cat(parts).numpy(), whole, atol=1e-6)


def test_weights_that_are_not_here_are_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, dino: Path, resources: LoadedResources
) -> None:
    hub = tmp_path / "hub"
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(hub))

    def unreachable(*_: object, **__: object) -> str:
        raise OSError("no network")

    monkeypatch.setattr("huggingface_hub.snapshot_download", unreachable)
    message = r"yuvalkirstain/PickScore_v1.*no network.*hf download .*set SMMBENCH_PICKSCORE"
    with pytest.raises(WeightsMissingError, match=message):
        metric("pickscore")(resources)
    monkeypatch.setenv("SMMBENCH_PICKSCORE", str(tmp_path))
    with pytest.raises(WeightsMissingError, match=r"config\.json and a \.safetensors file"):
        metric("pickscore")(resources)
    monkeypatch.setenv("SMMBENCH_PICKSCORE", str(dino))  # weights of another model
    with pytest.raises(WeightsMissingError, match=r"not those of a CLIPModel|does not load"):
        metric("pickscore")(resources)
