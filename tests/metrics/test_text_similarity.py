from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch
from PIL import Image

from smmbench.metrics.text_similarity import clip_text_similarity
from smmbench.scoring.models.encoders import WeightsUnavailableError
from smmbench.scoring.models.text_model import TextModel

LONG = "a dog and a cat and a cow and a bee run over the green hill"


def frames(count: int = 7) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, 40, 60, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def model(tiny_clip: Path) -> TextModel:
    return TextModel(str(tiny_clip), "cpu")


def test_mean_of_cosines() -> None:
    # Cosines with (1, 0): of (2, 0) 1, of (0, 5) 0, of (-3, 0) -1, of (1, 1) 0.7071.
    embeddings = np.array([[2.0, 0], [0, 5], [-3, 0], [1, 1]])
    expected = (1 + 0 - 1 + 0.5**0.5) / 4
    assert clip_text_similarity(embeddings, np.array([0.1, 0])) == pytest.approx(expected)


def test_negative_similarity_is_not_clamped() -> None:
    assert clip_text_similarity(np.array([[-1.0, 0]]), np.array([1.0, 0])) == -1


def test_order_and_length_do_not_matter() -> None:
    rng = np.random.default_rng(0)
    embeddings, text = rng.normal(size=(6, 5)), rng.normal(size=5)
    value = clip_text_similarity(embeddings, text)
    assert clip_text_similarity(3 * embeddings[::-1], 0.2 * text) == pytest.approx(value)


@pytest.mark.parametrize("bad", [np.zeros((1, 2)), np.full((1, 2), np.nan)])
def test_refuses_an_embedding_without_direction(bad: np.ndarray) -> None:
    with pytest.raises(ValueError, match="no direction"):
        clip_text_similarity(bad, np.array([1.0, 0]))
    with pytest.raises(ValueError, match="no direction"):
        clip_text_similarity(np.array([[1.0, 0]]), bad[0])


def test_refuses_no_frames() -> None:
    with pytest.raises(ValueError, match="at least one frame"):
        clip_text_similarity(np.zeros((0, 2)), np.array([1.0, 0]))


def test_equals_an_independent_computation(model: TextModel, tiny_clip: Path) -> None:
    network, _, preprocess = open_clip.create_model_and_transforms(f"local-dir:{tiny_clip}")
    network.eval()
    tokens = open_clip.get_tokenizer(f"local-dir:{tiny_clip}")(["a dog"])
    with torch.no_grad():
        text = torch.nn.functional.normalize(network.encode_text(tokens), dim=-1)
        cosines = []
        for frame in frames():
            image = network.encode_image(preprocess(Image.fromarray(frame))[None])
            cosines.append((torch.nn.functional.normalize(image, dim=-1) @ text.T).item())
    ours = clip_text_similarity(model.embed_frames(frames()), model.embed_text("a dog"))
    assert ours == pytest.approx(np.mean(cosines), abs=1e-6)


@pytest.mark.parametrize("batch", [1, 3, 100])
def test_batches_change_nothing(model: TextModel, batch: int) -> None:
    np.testing.assert_allclose(
        model.embed_frames(frames(), batch), model.embed_frames(frames()), atol=1e-6
    )


def test_tells_when_the_end_of_a_prompt_is_not_read(model: TextModel) -> None:
    assert model.context_length == 12
    assert not model.cuts("a dog")
    assert model.cuts(LONG)
    # 10 words and two marks fill 12 tokens; one more does not fit.
    assert not model.cuts(" ".join(["dog"] * 10))
    assert model.cuts(" ".join(["dog"] * 11))


def test_a_cut_prompt_reads_like_its_beginning(model: TextModel) -> None:
    ten, eleven = " ".join(["dog"] * 10), " ".join(["dog"] * 10 + ["cat"])
    np.testing.assert_array_equal(model.embed_text(ten), model.embed_text(eleven))


def test_origin_names_weights_and_preprocessing(model: TextModel, tiny_clip: Path) -> None:
    origin = model.origin()
    assert json.loads(json.dumps(origin)) == origin
    assert set(origin["weights"]) == {"weights", "open_clip_config.json"}
    assert all(len(digest) == 64 for digest in origin["weights"].values())
    assert origin["preprocess"]["interpolation"] == "bicubic"


def test_weights_from_a_file_of_a_named_architecture(
    tiny_clip: Path, monkeypatch: pytest.MonkeyPatch, model: TextModel
) -> None:
    configuration = json.loads((tiny_clip / "open_clip_config.json").read_text())["model_cfg"]
    monkeypatch.setitem(open_clip.factory._MODEL_CONFIGS, "tiny", configuration)
    weights = tiny_clip / "open_clip_model.safetensors"
    named = TextModel(f"tiny:{weights}", "cpu")
    np.testing.assert_array_equal(named.embed_text("a dog"), model.embed_text("a dog"))
    assert named.origin()["weights"]["weights"] == model.origin()["weights"]["weights"]


def test_a_tag_brings_its_activation(
    tiny_clip: Path, monkeypatch: pytest.MonkeyPatch, model: TextModel
) -> None:
    """OpenAI's weights were trained with another GELU; open_clip itself only warns."""
    configuration = json.loads((tiny_clip / "open_clip_config.json").read_text())["model_cfg"]
    weights = tiny_clip / "open_clip_model.safetensors"
    monkeypatch.setitem(open_clip.factory._MODEL_CONFIGS, "tiny", configuration)
    known = {"file": str(weights), "quick_gelu": True}
    monkeypatch.setitem(open_clip.pretrained._PRETRAINED, "tiny", {"openai": known})
    tagged = TextModel("tiny:openai", "cpu")
    assert not np.allclose(tagged.embed_text("a dog"), model.embed_text("a dog"), atol=1e-6)
    assert tagged.origin()["weights"]["weights"] == model.origin()["weights"]["weights"]


def test_unknown_names_are_refused_with_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(LookupError, match=r"No text model 'ViT-B-33:openai'.*'ViT-B-32'"):
        TextModel("ViT-B-33:openai", "cpu")
    with pytest.raises(LookupError, match=r"pretrained weights of ViT-B-32 'opena'.*'openai'"):
        TextModel("ViT-B-32:opena", "cpu")


def test_weights_out_of_reach_say_how_to_get_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def unreachable(*_: object, **__: object) -> str:
        raise OSError("no network")

    monkeypatch.setattr(open_clip, "download_pretrained", unreachable)
    with pytest.raises(WeightsUnavailableError, match=r"no network.*ViT-B-32:/path"):
        TextModel("ViT-B-32:openai", "cpu")
    with pytest.raises(WeightsUnavailableError, match="not a folder of a text model"):
        TextModel(str(tmp_path), "cpu")


def test_a_broken_weights_file_is_said(tiny_clip: Path, tmp_path: Path) -> None:
    folder = tmp_path / "broken"
    shutil.copytree(tiny_clip, folder)
    (folder / "open_clip_model.safetensors").write_bytes(b"not weights")
    with pytest.raises(WeightsUnavailableError, match="does not load"):
        TextModel(str(folder), "cpu")
