"""ZeroScope's and ModelScope's published layouts, saved by diffusers' own pipeline, all parts."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import diffusers
import pytest
import torch

from smmbench.diffusion.alpha_bar import AlphaBarSchedule
from smmbench.diffusion.backbone import Backbone, load_backbone
from smmbench.diffusion.capture import find_layers
from smmbench.smm import Parameters, layers_of

LEVELS: dict[str, Any] = {
    "beta_schedule": "scaled_linear",
    "beta_start": 0.00085,
    "beta_end": 0.012,
}
DDIM = {"clip_sample": False, "set_alpha_to_one": False, "steps_offset": 1}


@pytest.fixture(scope="module")
def pipeline(tiny_backbone: Path) -> Any:
    """A `TextToVideoSDPipeline` with ZeroScope's block layout, small and random."""
    untyped: Any = diffusers
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        unet = untyped.UNet3DConditionModel(
            sample_size=32,
            down_block_types=("CrossAttnDownBlock3D",) * 3 + ("DownBlock3D",),
            up_block_types=("UpBlock3D",) + ("CrossAttnUpBlock3D",) * 3,
            block_out_channels=(8, 16, 16, 16),
            layers_per_block=2,
            attention_head_dim=4,
            cross_attention_dim=16,
            norm_num_groups=4,
        )
    other = load_backbone(str(tiny_backbone))
    return untyped.TextToVideoSDPipeline(
        other.codec.network, other.text.network, other.text.tokenizer, unet, ddim()
    )


def ddim() -> Any:
    untyped: Any = diffusers
    return untyped.DDIMScheduler(**LEVELS, **DDIM)


def dpm() -> Any:
    untyped: Any = diffusers
    return untyped.DPMSolverMultistepScheduler(**LEVELS, steps_offset=1, timestep_spacing="leading")


def save(pipeline: Any, folder: Path, **how: Any) -> Path:
    pipeline.save_pretrained(folder, safe_serialization=True, **how)
    index = json.loads((folder / "model_index.json").read_text())
    assert index["_class_name"] == "TextToVideoSDPipeline"
    return folder


def is_the_same(found: Backbone, pipeline: Any) -> None:
    for network, saved in (
        (found.denoiser.network, pipeline.unet),
        (found.codec.network, pipeline.vae),
        (found.text.network, pipeline.text_encoder),
    ):
        expected = saved.state_dict()
        assert network.state_dict().keys() == expected.keys()
        for name, value in network.state_dict().items():
            assert torch.equal(value, expected[name]), name


@pytest.mark.parametrize("scheduler", [ddim, dpm])
def test_a_saved_pipeline_is_loaded_whole(
    pipeline: Any, tmp_path: Path, scheduler: Callable[[], Any]
) -> None:
    pipeline.scheduler = scheduler()
    found = load_backbone(str(save(pipeline, tmp_path / "model")))
    is_the_same(found, pipeline)
    find_layers(
        found.denoiser.network, layers_of(found.denoiser, Parameters())
    )  # those that SMM compares
    # Whichever scheduler was saved: its levels, and the timesteps of the published sampling.
    assert isinstance(found.schedule, AlphaBarSchedule)
    assert found.schedule.prediction == "epsilon"
    assert found.schedule.timesteps(50)[0] == 981 and found.schedule.timesteps(50)[-1] == 1
    levels = ddim().alphas_cumprod.double().numpy()
    assert found.schedule.alpha_bar == pytest.approx(levels, rel=1e-6)
    x, text = torch.randn(1, 4, 2, 8, 8), found.embed(["a dog"])
    expected = pipeline.unet(x, 981, encoder_hidden_states=text).sample
    torch.testing.assert_close(found.denoiser.output(x, 981, text), expected)


@pytest.mark.slow
def test_weights_in_several_files_are_loaded(pipeline: Any, tmp_path: Path) -> None:
    folder = save(pipeline, tmp_path / "model", max_shard_size="60KB")
    assert len(list((folder / "unet").glob("*-of-*.safetensors"))) > 1
    is_the_same(load_backbone(str(folder)), pipeline)


def test_a_missing_file_of_several_is_told(pipeline: Any, tmp_path: Path) -> None:
    folder = save(pipeline, tmp_path / "model", max_shard_size="60KB")
    shard = min((folder / "unet").glob("*-of-*.safetensors"))
    shard.unlink()
    with pytest.raises(ValueError, match=f"unet is not complete: {shard.name} is missing"):
        load_backbone(str(folder))


@pytest.mark.slow
def test_half_precision_variants_are_loaded(pipeline: Any, tmp_path: Path) -> None:
    folder = save(pipeline, tmp_path / "model", variant="fp16")
    assert (folder / "unet" / "diffusion_pytorch_model.fp16.safetensors").is_file()
    assert not list(folder.rglob("model.safetensors"))
    is_the_same(load_backbone(str(folder)), pipeline)
    folder = save(pipeline, tmp_path / "several", variant="fp16", max_shard_size="60KB")
    assert len(list((folder / "unet").glob("*.safetensors"))) > 1
    is_the_same(load_backbone(str(folder)), pipeline)


def test_the_whole_weights_are_taken_where_both_are(pipeline: Any, tmp_path: Path) -> None:
    folder = save(pipeline, tmp_path / "model", variant="fp16")
    for path in folder.rglob("*.fp16.safetensors"):
        path.write_bytes(b"not these")
    is_the_same(load_backbone(str(save(pipeline, folder))), pipeline)


@pytest.mark.parametrize("part", ["unet", "vae", "text_encoder", "tokenizer", "scheduler"])
def test_a_missing_part_is_named(pipeline: Any, tmp_path: Path, part: str) -> None:
    folder = save(pipeline, tmp_path / "model")
    shutil.rmtree(folder / part)
    with pytest.raises(ValueError, match=f"has no {part}/"):
        load_backbone(str(folder))


@pytest.mark.slow
def test_a_wrong_shape_and_pickled_weights_are_told(pipeline: Any, tmp_path: Path) -> None:
    folder = save(pipeline, tmp_path / "model")
    weights = folder / "vae" / "diffusion_pytorch_model.safetensors"
    config = folder / "vae" / "config.json"
    wrong = json.loads(config.read_text()) | {"latent_channels": 8}
    whole = config.read_text()
    config.write_text(json.dumps(wrong))
    with pytest.raises(ValueError, match=r"weights of .*vae do not fit its config\.json"):
        load_backbone(str(folder))
    config.write_text(whole)
    weights.rename(weights.with_suffix(".bin"))
    with pytest.raises(ValueError, match=r"vae has no \.safetensors weights; pickled ones are not"):
        load_backbone(str(folder))
