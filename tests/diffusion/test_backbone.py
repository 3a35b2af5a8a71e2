"""Loading a model and its doors: clips to latents and back, prompts to text, what can be wrong."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import UNet3DConditionModel
from safetensors.torch import load_file, save_file

from smmbench.diffusion import weights_folder as folders
from smmbench.diffusion.backbone import Backbone, load_backbone
from smmbench.diffusion.loading import load_network, load_schedule, load_tokenizer
from smmbench.diffusion.noise import generators
from smmbench.diffusion.weights_folder import model_folder
from smmbench.storage.weights_hash import tensors_sha256

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(scope="module")
def backbone(tiny_backbone: Path) -> Backbone:
    return load_backbone(str(tiny_backbone))


@pytest.fixture
def copy(tiny_backbone: Path, tmp_path: Path) -> Path:
    """A copy of the model's folder, to be damaged."""
    return Path(shutil.copytree(tiny_backbone, tmp_path / "model"))


def frames(count: int, time: int = 3) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, time, 16, 24, 3), dtype=np.uint8)


def test_weights_are_frozen_and_layers_in_evaluation_mode(backbone: Backbone) -> None:
    for network in (backbone.denoiser.network, backbone.codec.network, backbone.text.network):
        assert not any(parameter.requires_grad for parameter in network.parameters())
        assert not any(module.training for module in network.modules())


def test_a_clip_goes_through_latents_of_the_stated_shape(backbone: Backbone) -> None:
    x = backbone.encode(frames(2))
    assert x.shape == (2, *backbone.latent_shape((3, 16, 24))) == (2, 4, 3, 2, 3)
    assert x.dtype == torch.float32
    assert backbone.decode(x).shape == (2, 3, 16, 24, 3)
    assert torch.equal(backbone.encode(frames(2)), x)  # the mean: nothing is drawn


def test_each_clip_and_frame_is_encoded_for_itself(
    backbone: Backbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = backbone.encode(frames(2))
    torch.testing.assert_close(backbone.encode(frames(2)[1:]), x[1:])
    torch.testing.assert_close(backbone.encode(frames(2)[:, 1:2]), x[:, :, 1:2])
    decoded = backbone.decode(x)
    monkeypatch.setattr("smmbench.diffusion.codecs.image.FRAMES_AT_ONCE", 4)
    torch.testing.assert_close(backbone.encode(frames(2)), x)
    assert abs(backbone.decode(x).astype(int) - decoded).max() <= 1


def test_a_drawn_latent_follows_its_seed(backbone: Backbone) -> None:
    mean = backbone.encode(frames(2))
    drawn = backbone.encode(frames(2), generators([3, 4]))
    assert not torch.equal(drawn, mean)
    torch.testing.assert_close(backbone.encode(frames(2)[1:], generators([4])), drawn[1:])


def test_scaling_and_shift_are_undone_by_decoding(backbone: Backbone) -> None:
    x = backbone.encode(frames(1))
    raw = backbone.codec.network.encode(
        torch.from_numpy(frames(1)[0]).movedim(-1, 1).float() / 127.5 - 1
    ).latent_dist.mean
    torch.testing.assert_close(x[0].movedim(0, 1), raw * 0.5)
    direct = backbone.codec.network.decode(raw).sample.clamp(-1, 1)
    expected = ((direct + 1) * 127.5).round().byte().movedim(1, -1).numpy()
    assert abs(backbone.decode(x)[0].astype(int) - expected).max() <= 1


def test_a_size_that_does_not_fit_is_refused(backbone: Backbone) -> None:
    with pytest.raises(ValueError, match="height and width divisible by 8, got 16x20"):
        backbone.encode(np.zeros((1, 2, 16, 20, 3), dtype=np.uint8))


def test_prompts_become_text_states(backbone: Backbone) -> None:
    text = backbone.embed(["a dog", "a cat"])
    assert text.shape == (2, 16, 16)
    assert not torch.equal(text[0], text[1])
    torch.testing.assert_close(backbone.embed(["a cat"]), text[1:])


def test_a_cut_prompt_warns(backbone: Backbone) -> None:
    with pytest.warns(UserWarning, match="22 tokens, but the text encoder reads 16"):
        backbone.embed(["dog " * 20])


def test_samples_of_a_batch_do_not_touch(backbone: Backbone) -> None:
    x = torch.randn(2, 4, 3, 2, 2)
    text = backbone.embed(["a dog", "a cat"])
    both = backbone.denoiser.predict(x, 700, text)
    one = backbone.denoiser.predict(x[1:], 700, text[1:])
    torch.testing.assert_close(both.x0[1:], one.x0, rtol=1e-4, atol=1e-5)
    layers = ("up_blocks.1.temp_convs.1", "up_blocks.1.upsamplers.0")
    features = backbone.denoiser.features(x, 700, text, layers)
    alone = backbone.denoiser.features(x[1:], 700, text[1:], layers)
    assert features[layers[0]].shape == (2, 3, 16, 1, 1)
    for layer in layers:
        torch.testing.assert_close(features[layer][1:], alone[layer], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_latents_stay_float32_whatever_the_networks_compute_in(
    backbone: Backbone, tiny_backbone: Path, dtype: torch.dtype
) -> None:
    narrow = load_backbone(str(tiny_backbone), dtype=dtype)
    x = narrow.encode(frames(1))
    assert x.dtype == torch.float32
    torch.testing.assert_close(x, backbone.encode(frames(1)), rtol=0.1, atol=0.05)
    text = narrow.embed(["a dog"])
    found = narrow.denoiser.guided(x, 500, text, text, 3.0)
    assert found.x0.dtype == torch.float32
    expected = backbone.denoiser.guided(x, 500, text, text, 3.0)
    torch.testing.assert_close(found.x0, expected.x0, rtol=0.1, atol=0.1)
    assert narrow.decode(x).dtype == np.uint8


def test_features_of_time_are_in_order(backbone: Backbone) -> None:
    """Frames of one clip stay together: a clip of one frame has only its own features."""
    x, text = torch.randn(2, 4, 1, 4, 4), backbone.embed(["a dog", "a cat"])
    (layer,) = layers = ("conv_in",)
    both = backbone.denoiser.features(torch.cat([x, -x], dim=2), 10, text, layers)[layer]
    first = backbone.denoiser.features(x, 10, text, layers)[layer]
    torch.testing.assert_close(both[:, :1], first)


def test_the_hashes_are_those_of_the_tensors(backbone: Backbone, tiny_backbone: Path) -> None:
    path = tiny_backbone / "unet" / "diffusion_pytorch_model.safetensors"
    assert backbone.weights()["unet"] == tensors_sha256(path)
    assert set(backbone.weights()) == {"unet", "vae", "text_encoder"}


def test_a_copy_in_another_folder_and_in_two_files_has_the_same_hashes(
    backbone: Backbone, copy: Path
) -> None:
    network = UNet3DConditionModel.from_pretrained(copy / "unet")
    shutil.rmtree(copy / "unet")
    network.save_pretrained(copy / "unet", max_shard_size="20KB")
    assert len(list((copy / "unet").glob("*.safetensors"))) > 1
    assert load_backbone(str(copy)).weights() == backbone.weights()


def rename_keys(path: Path, rename: Callable[[str], str]) -> None:
    save_file(
        {rename(key): value for key, value in load_file(path).items()}, path, {"format": "pt"}
    )


def test_names_of_the_weights_in_older_models_are_understood(
    backbone: Backbone, copy: Path
) -> None:
    """ZeroScope's text encoder has a `text_model` in each name, and buffers among its weights."""
    path = copy / "text_encoder" / "model.safetensors"
    rename_keys(path, lambda key: "text_model." + key.removeprefix("text_model."))
    positions = {"text_model.embeddings.position_ids": torch.arange(16)[None]}
    save_file(load_file(path) | positions, path, {"format": "pt"})
    found = load_backbone(str(copy)).embed(["a dog"])
    torch.testing.assert_close(found, backbone.embed(["a dog"]))


def test_attention_of_older_autoencoders_is_understood(tmp_path: Path) -> None:
    import diffusers

    build: Any = diffusers.AutoencoderKL
    build(block_out_channels=(4,), norm_num_groups=2).save_pretrained(tmp_path / "vae")
    path = tmp_path / "vae" / "diffusion_pytorch_model.safetensors"
    network = load_network(tmp_path, "vae", "AutoencoderKL", torch.float32)
    today = {key: value.clone() for key, value in network.state_dict().items()}  # off the file
    old = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}

    def rename(key: str) -> str:
        for new, name in old.items():
            key = key.replace(new, name)
        return key

    rename_keys(path, rename)
    assert any("query" in key for key in load_file(path))
    found = load_network(tmp_path, "vae", "AutoencoderKL", torch.float32).state_dict()
    assert all(torch.equal(found[key], value) for key, value in today.items())


# What can be wrong with a folder


def edit(path: Path, **changes: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def remove_key(path: Path) -> None:
    state = load_file(path)
    del state["conv_in.weight"]
    save_file(state, path, {"format": "pt"})


def network(part: str) -> Callable[[Path], object]:
    classes = {
        "unet": "UNet3DConditionModel",
        "vae": "AutoencoderKL",
        "text_encoder": "CLIPTextModel",
    }
    return lambda folder: load_network(folder, part, classes[part], torch.float32)


@pytest.mark.parametrize(
    ("damage", "load", "message"),
    [
        (
            lambda f: shutil.rmtree(f / "vae"),
            network("vae"),
            r"no vae.config\.json. A model's folder has",
        ),
        (
            lambda f: edit(f / "unet/config.json", _class_name="UNet2DConditionModel"),
            network("unet"),
            "unet holds a UNet2DConditionModel, but a UNet3DConditionModel is needed",
        ),
        (
            lambda f: edit(f / "text_encoder/config.json", architectures=["T5EncoderModel"]),
            network("text_encoder"),
            "text_encoder holds a T5EncoderModel",
        ),
        (
            lambda f: (f / "unet/diffusion_pytorch_model.safetensors").rename(
                f / "unet/diffusion_pytorch_model.bin"
            ),
            network("unet"),
            r"unet has no \.safetensors weights; pickled ones are not read",
        ),
        (
            lambda f: remove_key(f / "unet/diffusion_pytorch_model.safetensors"),
            network("unet"),
            r"unet do not fit its config\.json: 1 missing keys \(conv_in\.weight\)",
        ),
        (
            lambda f: edit(f / "unet/config.json", cross_attention_dim=32),
            network("unet"),
            r"weights of .*unet do not fit its config\.json",
        ),
        (
            lambda f: edit(f / "text_encoder/config.json", hidden_size=32),
            network("text_encoder"),
            r"weights of .*text_encoder do not fit its config\.json",
        ),
        (
            lambda f: (f / "unet/diffusion_pytorch_model.safetensors").write_bytes(b"cut"),
            network("unet"),
            r"weights of .*unet do not fit",
        ),
        (
            lambda f: (f / "vae/config.json").write_text("{"),
            network("vae"),
            r"config\.json is not JSON",
        ),
        (
            lambda f: (f / "vae/config.json").write_text("[]"),
            network("vae"),
            "must hold a JSON object, got list",
        ),
        (
            lambda f: shutil.rmtree(f / "tokenizer"),
            load_tokenizer,
            r"no tokenizer/vocab\.json",
        ),
        (
            lambda f: (f / "tokenizer/vocab.json").write_text("{"),
            load_tokenizer,
            "is not a CLIPTokenizer",
        ),
        (
            lambda f: edit(f / "scheduler/scheduler_config.json", beta_schedule="mine"),
            load_schedule,
            "not a schedule that DDIM can follow",
        ),
        (
            lambda f: edit(f / "scheduler/scheduler_config.json", prediction_type="epsilon"),
            load_schedule,
            "must predict v",
        ),
    ],
)
def test_a_wrong_part_is_named(
    copy: Path, damage: Callable[[Path], object], load: Callable[[Path], object], message: str
) -> None:
    damage(copy)
    with pytest.raises(ValueError, match=message):
        load(copy)


def test_parts_of_different_models_are_refused(copy: Path) -> None:
    import diffusers

    other: Any = diffusers.AutoencoderKL
    other(latent_channels=8, block_out_channels=(4,), norm_num_groups=2).save_pretrained(
        copy / "vae"
    )
    with pytest.raises(ValueError, match=r"unet/ expects 4 latent channels, but vae/ has 8"):
        load_backbone(str(copy))


# Where the folder is


def test_a_folder_and_an_installed_name_are_found(
    tiny_backbone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert model_folder(str(tiny_backbone)) == tiny_backbone
    monkeypatch.setattr(folders, "offered", lambda group: {"tiny": None})
    monkeypatch.setattr(folders, "load_offered", lambda group, name, what: lambda: tiny_backbone)
    assert model_folder("tiny") == tiny_backbone


def test_an_unknown_name_lists_the_known() -> None:
    with pytest.raises(LookupError, match=r"No model 'emojy'\. Did you mean 'emoji'\? Available: "):
        model_folder("emojy")


@pytest.mark.parametrize("revision", ["", "main", "0123abc"])
def test_a_hub_model_needs_a_commit(revision: str) -> None:
    with pytest.raises(ValueError, match="a commit of 40"):
        model_folder("someone/something", revision)


def test_offline_a_missing_hub_model_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(LookupError, match=r"HF_HUB_OFFLINE is set\. Copy the model's folder"):
        model_folder("cerspense/zeroscope_v2_576w")


def test_a_hub_model_is_asked_for_at_its_commit(
    tiny_backbone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, str]] = []

    def download(model: str, revision: str, patterns: tuple[str, ...]) -> Path:
        asked.append((model, revision))
        assert (patterns == ("model_index.json",)) == (len(asked) % 2 == 1)  # the index first
        return tiny_backbone

    monkeypatch.setattr(folders, "_download", download)
    assert model_folder("cerspense/zeroscope_v2_576w") == tiny_backbone
    assert model_folder("cerspense/zeroscope_v2_576w", COMMIT) == tiny_backbone
    known = folders.REVISIONS["cerspense/zeroscope_v2_576w"]
    revisions = (known, known, COMMIT, COMMIT)
    assert asked == [("cerspense/zeroscope_v2_576w", revision) for revision in revisions]


def pickle(folder: Path) -> None:
    """Turn a folder into what the hub has for ZeroScope: pickled weights alone."""
    for part, stem in (
        ("unet", "diffusion_pytorch_model"),
        ("vae", "diffusion_pytorch_model"),
        ("text_encoder", "pytorch_model"),
    ):
        (weights,) = (folder / part).glob("*.safetensors")
        torch.save(load_file(weights), folder / part / f"{stem}.bin")
        weights.unlink()


def test_pickled_hub_weights_are_rewritten_once(
    copy: Path, backbone: Backbone, monkeypatch: pytest.MonkeyPatch, own_home: Path
) -> None:
    pickle(copy)
    monkeypatch.setattr(folders, "_download", lambda *_: copy)
    folder = model_folder("someone/something", COMMIT)
    assert folder.is_relative_to(own_home)
    found = load_backbone(str(folder))
    for name, parameter in backbone.denoiser.network.named_parameters():
        assert torch.equal(parameter, found.denoiser.network.get_parameter(name))
    torch.testing.assert_close(found.embed(["a dog"]), backbone.embed(["a dog"]))
    monkeypatch.setattr(folders, "_download", None)  # not needed again
    assert model_folder("someone/something", COMMIT) == folder


def test_a_pickle_that_would_run_code_is_refused(
    copy: Path, monkeypatch: pytest.MonkeyPatch, own_home: Path
) -> None:
    pickle(copy)
    torch.save({"weight": Evil()}, copy / "unet" / "diffusion_pytorch_model.bin")
    monkeypatch.setattr(folders, "_download", lambda *_: copy)
    with pytest.raises(Exception, match=r"[Ww]eights.only"):
        model_folder("someone/something", COMMIT)
    assert not list((own_home / "models").rglob("*.safetensors"))


class Evil:
    """Unpickles to a call."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return exec, ("raise SystemExit('code ran')",)
