"""What a model is, told before its weights are fetched; others are refused by their name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.builders.transformers import WAN_SCHEDULER, build_tiny_wan, write_scheduler

from smmbench.diffusion import weights_folder
from smmbench.diffusion.backbone import load_backbone
from smmbench.diffusion.flow import FlowSchedule
from smmbench.diffusion.model_index import check_index, read_layout

WAN: dict[str, Any] = {
    "_class_name": "WanPipeline",
    "transformer": ["diffusers", "WanTransformer3DModel"],
    "scheduler": ["diffusers", "UniPCMultistepScheduler"],
    "vae": ["diffusers", "AutoencoderKLWan"],
}
REFUSED: dict[str, dict[str, Any]] = {
    "LTX": {
        "_class_name": "LTXPipeline",
        "transformer": ["diffusers", "LTXVideoTransformer3DModel"],
    },
    "Hunyuan": {
        "_class_name": "HunyuanVideoPipeline",
        "transformer": ["diffusers", "HunyuanVideoTransformer3DModel"],
    },
    "AnimateDiff": {
        "_class_name": "AnimateDiffPipeline",
        "unet": ["diffusers", "UNet2DConditionModel"],
        "motion_adapter": ["diffusers", "MotionAdapter"],
    },
    "WanImageToVideo": WAN | {"_class_name": "WanImageToVideoPipeline"},
    "nothing": {"_class_name": "NothingPipeline"},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tiny_wan(tmp_path_factory.mktemp("index") / "wan")


@pytest.mark.parametrize("name", REFUSED)
def test_other_models_are_refused_by_name_with_what_is_supported(name: str) -> None:
    with pytest.raises(ValueError, match=f"is {REFUSED[name]['_class_name']}") as error:
        check_index(REFUSED[name], "someone/model")
    assert all(
        network in str(error.value)
        for network in (
            "UNet3DConditionModel",
            "WanTransformer3DModel",
            "CogVideoXTransformer3DModel",
        )
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"transformer_2": ["diffusers", "WanTransformer3DModel"]}, "second transformer"),
        ({"image_encoder": ["transformers", "CLIPVisionModel"]}, "also takes a first image"),
        ({"expand_timesteps": True}, "timestep per position"),
        ({"scheduler": ["diffusers", "EDMEulerScheduler"]}, "EDMEulerScheduler, which is not"),
    ],
)
def test_members_that_take_more_are_refused(change: dict[str, Any], message: str) -> None:
    assert check_index(WAN | {"transformer_2": [None, None]}, "m").name == "wan"
    with pytest.raises(ValueError, match=message):
        check_index(WAN | change, "m")


def test_nothing_but_the_index_is_fetched_of_a_model_that_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, ...]] = []
    (tmp_path / "model_index.json").write_text(json.dumps(REFUSED["LTX"]))

    def download(model: str, revision: str, patterns: tuple[str, ...]) -> Path:
        asked.append(patterns)
        return tmp_path

    monkeypatch.setattr(weights_folder, "_download", download)
    with pytest.raises(ValueError, match="LTXPipeline with a LTXVideoTransformer3DModel"):
        weights_folder.model_folder("Lightricks/LTX-Video", "0" * 40)
    assert asked == [("model_index.json",)]


def test_a_folder_without_an_index_is_told_by_its_parts(folder: Path, tmp_path: Path) -> None:
    import shutil

    copy = shutil.copytree(folder, tmp_path / "copy")
    (copy / "model_index.json").unlink()
    assert read_layout(copy).family.name == read_layout(folder).family.name == "wan"


def test_shards_with_a_missing_weight_are_refused(folder: Path, tmp_path: Path) -> None:
    import shutil

    from safetensors.torch import load_file, save_file

    copy = shutil.copytree(folder, tmp_path / "copy")
    first = sorted((copy / "transformer").glob("*.safetensors"))[0]
    state = load_file(first)
    assert len(list((copy / "transformer").glob("*.safetensors"))) > 1
    missing = sorted(state)[0]
    save_file({name: x for name, x in state.items() if name != missing}, first, {"format": "pt"})
    with pytest.raises(ValueError, match=rf"missing keys \({missing}\)"):
        load_backbone(str(copy))
    first.unlink()
    with pytest.raises(ValueError, match="is not complete"):
        load_backbone(str(copy))


def test_the_scheduler_of_a_folder_gives_its_shift(folder: Path, tmp_path: Path) -> None:
    import shutil

    copy = shutil.copytree(folder, tmp_path / "copy")
    assert load_backbone(str(copy)).schedule == FlowSchedule(3.0)
    write_scheduler(copy, WAN_SCHEDULER | {"flow_shift": 5.0})
    assert load_backbone(str(copy)).schedule == FlowSchedule(5.0)
    write_scheduler(copy, {"_class_name": "FlowMatchEulerDiscreteScheduler", "shift": 7.0})
    assert load_backbone(str(copy)).schedule == FlowSchedule(7.0)


PUBLISHED = {
    "Wan2.1-T2V-1.3B": (
        "WanTransformer3DModel",
        {
            "num_attention_heads": 12,
            "attention_head_dim": 128,
            "ffn_dim": 8960,
            "num_layers": 30,
            "text_dim": 4096,
        },
        1.4e9,
        (1, 2, 2),
    ),
    "CogVideoX-2B": ("CogVideoXTransformer3DModel", {}, 1.7e9, (1, 2, 2)),
    "CogVideoX-5B": (
        "CogVideoXTransformer3DModel",
        {"num_attention_heads": 48, "num_layers": 42, "use_rotary_positional_embeddings": True},
        5.6e9,
        (1, 2, 2),
    ),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_sizes_are_members_of_their_family(name: str) -> None:
    """Built without weights: the family reads patch, blocks, channels and text width of each."""
    import diffusers
    import torch

    from smmbench.diffusion.families import FAMILIES

    network_class, config, size, patch = PUBLISHED[name]
    untyped: Any = diffusers
    with torch.device("meta"):
        network = getattr(untyped, network_class)(**config)
    (family,) = (one for one in FAMILIES if one.network == network_class)
    family.check(network)
    assert sum(one.numel() for one in network.parameters()) == pytest.approx(size, rel=0.05)
    assert family.patch(network) == patch
    assert family.in_channels(network) == 16 and family.text_width(network) == 4096
    assert len(family.blocks(network)) == network.config.num_layers
    assert family.middle(network)[0].endswith(f".{network.config.num_layers // 2}")
