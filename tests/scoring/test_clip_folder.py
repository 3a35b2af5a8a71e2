"""A CLIP in the layout of transformers as a text model, on a tiny random one."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from tests.builders.text_model import convert_clip, write_transformers_clip

from smmbench.scoring.models.encoders import WeightsUnavailableError
from smmbench.scoring.models.text_model import BATCH, TextModel

LONG = "a dog and a cat and a cow and a bee run over the green hill"


def frames(count: int = 7, height: int = 40, width: int = 60) -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (count, height, width, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_transformers_clip(tmp_path_factory.mktemp("transformers") / "clip")


@pytest.fixture(scope="module")
def model(folder: Path) -> TextModel:
    return TextModel(str(folder), "cpu")


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    return shutil.copytree(folder, tmp_path / "clip")


def features(given: Any) -> np.ndarray:
    """What any version of transformers returns as features."""
    tensor = given if isinstance(given, torch.Tensor) else given.pooler_output
    array: np.ndarray = tensor.numpy()
    return array


def test_embeddings_equal_those_of_transformers(folder: Path, model: TextModel) -> None:
    from transformers import AutoImageProcessor, AutoTokenizer, CLIPModel

    untyped: Any = AutoImageProcessor
    networks: Any = CLIPModel
    network = networks.from_pretrained(folder).eval()
    images = [Image.fromarray(frame) for frame in frames()]
    pixels = untyped.from_pretrained(folder, backend="pil")(images, return_tensors="pt")
    prompts = ["a dog", "a cat on the moon", " ".join(["dog"] * 10), LONG]
    tokenizer = AutoTokenizer.from_pretrained(folder)
    with torch.inference_mode():
        seen = features(network.get_image_features(**pixels))
        read = [
            features(
                network.get_text_features(
                    **tokenizer([prompt], truncation=True, max_length=12, return_tensors="pt")
                )
            )[0]
            for prompt in prompts
        ]
    np.testing.assert_allclose(model.embed_frames(frames()), seen, atol=1e-6)
    ours = np.stack([model.embed_text(prompt) for prompt in prompts])
    np.testing.assert_allclose(ours, np.stack(read), atol=1e-6)
    assert np.std(seen, axis=0).min() > 1e-3  # frames and prompts do differ to it
    assert np.std(ours, axis=0).min() > 1e-3


@pytest.mark.parametrize("size", [(40, 60), (64, 48), (32, 32), (50, 50)])
def test_the_same_weights_in_open_clips_layout_give_the_same_numbers(
    folder: Path, model: TextModel, tmp_path: Path, size: tuple[int, int]
) -> None:
    converted = TextModel(str(convert_clip(folder, tmp_path / "converted")), "cpu")
    np.testing.assert_allclose(
        model.embed_frames(frames(3, *size)), converted.embed_frames(frames(3, *size)), atol=1e-5
    )
    for prompt in ("a dog", "A dog, and a cat!", LONG):
        np.testing.assert_allclose(
            model.embed_text(prompt), converted.embed_text(prompt), atol=1e-5
        )
        assert model.cuts(prompt) == converted.cuts(prompt)


def test_a_frame_does_not_depend_on_its_neighbours(model: TextModel) -> None:
    """The network always sees one shape, so that the bits do not depend on a clip's length."""
    many = frames(BATCH + 3)
    alone = np.concatenate([model.embed_frames(frame[None]) for frame in many])
    np.testing.assert_array_equal(model.embed_frames(many), alone)


def test_tells_when_the_end_of_a_prompt_is_not_read(model: TextModel) -> None:
    assert model.context_length == 12
    assert not model.cuts("a dog")
    assert not model.cuts(" ".join(["dog"] * 10))  # and two marks
    assert model.cuts(" ".join(["dog"] * 11))
    ten, eleven = " ".join(["dog"] * 10), " ".join(["dog"] * 10 + ["cat"])
    assert model.tokens(ten) == model.tokens(eleven)
    assert model.tokens("a dog") == model.tokens("A  dog ")


def test_origin_names_weights_library_and_preprocessing(model: TextModel, folder: Path) -> None:
    origin = model.origin()
    assert json.loads(json.dumps(origin)) == origin
    assert origin["text_model"] == "local"
    assert {"weights", "config.json", "tokenizer.json"} <= set(origin["weights"])
    assert all(len(digest) == 64 for digest in origin["weights"].values())
    assert origin["preprocess"]["size"] == {"shortest_edge": 32}
    assert origin["preprocess"]["resized_by"] == "PIL"
    assert "transformers" in origin and "open_clip" not in origin


def test_other_weights_have_another_hash(copy: Path, model: TextModel) -> None:
    tensors = load_file(copy / "model.safetensors")
    tensors["logit_scale"] = tensors["logit_scale"] + 1
    save_file(tensors, copy / "model.safetensors", metadata={"format": "pt"})
    other = TextModel(str(copy), "cpu").origin()["weights"]
    assert other["weights"] != model.origin()["weights"]["weights"]
    assert other["config.json"] == model.origin()["weights"]["config.json"]


@pytest.mark.parametrize("form", ["shards", "pickle"])
def test_the_same_tensors_in_other_files(copy: Path, model: TextModel, form: str) -> None:
    tensors = load_file(copy / "model.safetensors")
    (copy / "model.safetensors").unlink()
    if form == "pickle":
        torch.save(tensors, copy / "pytorch_model.bin")
    else:
        names = sorted(tensors)
        halves = {"a.safetensors": names[::2], "b.safetensors": names[1::2]}
        for file, half in halves.items():
            part = {name: tensors[name] for name in half}
            save_file(part, copy / file, metadata={"format": "pt"})
        placed = {name: file for file, half in halves.items() for name in half}
        index = {"metadata": {"total_size": 0}, "weight_map": placed}
        (copy / "model.safetensors.index.json").write_text(json.dumps(index))
    other = TextModel(str(copy), "cpu")
    np.testing.assert_array_equal(other.embed_frames(frames(2)), model.embed_frames(frames(2)))
    assert other.origin()["weights"]["weights"] == model.origin()["weights"]["weights"]


def test_half_precision_is_computed_in_full(copy: Path, model: TextModel) -> None:
    tensors = load_file(copy / "model.safetensors")
    halves = {name: tensor.half() for name, tensor in tensors.items()}
    save_file(halves, copy / "model.safetensors", metadata={"format": "pt"})
    embedded = TextModel(str(copy), "cpu").embed_text("a dog")
    assert embedded.dtype == np.float32
    np.testing.assert_allclose(embedded, model.embed_text("a dog"), atol=0.05)


def pointer(path: Path) -> None:
    path.write_text(f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 9\n")


def edited(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def without(*names: str) -> Callable[[Path], None]:
    def remove(folder: Path) -> None:
        for name in names:
            (folder / name).unlink()

    return remove


def with_another_end(folder: Path) -> None:
    content = json.loads((folder / "config.json").read_text())
    content["text_config"]["eos_token_id"] = 7
    (folder / "config.json").write_text(json.dumps(content))


def with_other_images(folder: Path) -> None:
    path = folder / "processor_config.json"
    content = json.loads(path.read_text())
    content["image_processor"]["crop_size"] = {"height": 24, "width": 24}
    path.write_text(json.dumps(content))


def without_a_tensor(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    del tensors["text_projection.weight"]
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (without("model.safetensors"), r"no weights: model.safetensors or pytorch_model.bin"),
        (without("config.json"), r"is not a folder of a text model.*open_clip_config.json"),
        (without("tokenizer.json"), r"lacks a tokenizer \(tokenizer.json.*save_pretrained"),
        (without("processor_config.json"), r"lacks the image processor's configuration"),
        (lambda folder: pointer(folder / "model.safetensors"), r"pointer of Git LFS.*git lfs pull"),
        (lambda folder: pointer(folder / "config.json"), r"is not the configuration of a model"),
        (
            lambda folder: edited(folder / "config.json", model_type="siglip", architectures=None),
            r"type 'siglip'.*CLIPModel.*open_clip model",
        ),
        (
            lambda folder: edited(
                folder / "config.json", architectures=["CLIPTextModelWithProjection"]
            ),
            r"'clip' \(CLIPTextModelWithProjection\).*a whole CLIP",
        ),
        (without_a_tensor, r"1 tensors are missing"),
        (with_another_end, r"tokenizer in .* is not that of its model.*expects 7"),
        (with_other_images, r"3 x 24 x 24, and the model reads 3 x 32 x 32"),
    ],
)
def test_what_is_no_clip_folder_is_refused_in_words(
    copy: Path, damage: Callable[[Path], None], said: str
) -> None:
    damage(copy)
    with pytest.raises(WeightsUnavailableError, match=said):
        TextModel(str(copy), "cpu")


def test_a_missing_shard_is_named(copy: Path) -> None:
    (copy / "model.safetensors").unlink()
    index = {"weight_map": {"logit_scale": "model-00001-of-00002.safetensors"}}
    (copy / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(WeightsUnavailableError, match=r"not there: model-00001-of-00002"):
        TextModel(str(copy), "cpu")


def test_a_folder_in_both_layouts_is_read_by_open_clip(copy: Path, tiny_clip: Path) -> None:
    for file in tiny_clip.iterdir():
        shutil.copy(file, copy)
    (copy / "model.safetensors").unlink()  # two files would hold one tensor's name twice
    assert "open_clip" in TextModel(str(copy), "cpu").origin()


@pytest.mark.slow
def test_transformers_models_are_not_loaded_for_a_model_of_open_clip(tiny_clip: Path) -> None:
    program = (
        "import sys; from smmbench.scoring.models.text_model import TextModel\n"
        f"TextModel({str(tiny_clip)!r}, 'cpu')\n"
        "assert 'transformers.models.clip.modeling_clip' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
