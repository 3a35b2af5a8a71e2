"""What only a GPU shows: every family computes there what it computes on the CPU."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jaxtyping
import numpy as np
import pytest
import torch
from tests.builders.transformers import build_tiny_cogvideox, build_tiny_wan

from smmbench.diffusion.acceleration.memory import capacity, free_bytes
from smmbench.diffusion.backbone import Backbone, load_backbone
from smmbench.method import Source
from smmbench.resolving import find_method
from smmbench.video import Video

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")

NAMES = ("unet-3d", "wan", "cogvideox-2b", "cogvideox-5b")
METHODS: dict[str, dict[str, Any]] = {
    "smm": {"inversion_steps": 3, "iterations": 2, "guided_to": 0.5},
    "sdedit": {"noise_level": 0.8},
    "inversion-swap": {"inversion_steps": 3},
    "flow-motion": {"iterations": 2},
    "ditflow": {"iterations": 2},
    "moft": {},
    "flow-edit": {},
    "fast-vmt": {"iterations": 2},
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory, tiny_backbone: Path) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("gpu")
    return {
        "unet-3d": tiny_backbone,
        "wan": build_tiny_wan(root / "wan"),
        "cogvideox-2b": build_tiny_cogvideox(root / "cogvideox-2b", rotary=False),
        "cogvideox-5b": build_tiny_cogvideox(root / "cogvideox-5b"),
    }


@pytest.fixture(autouse=True)
def exact() -> Any:
    """Float32 as on the CPU."""
    before = torch.backends.cudnn.allow_tf32, torch.get_float32_matmul_precision()
    torch.backends.cudnn.allow_tf32 = False
    torch.set_float32_matmul_precision("highest")
    yield
    torch.backends.cudnn.allow_tf32 = before[0]
    torch.set_float32_matmul_precision(before[1])


def clip() -> Video:
    frames = np.random.default_rng(0).integers(0, 256, (9, 64, 64, 3), dtype=np.uint8)
    return Video(frames, 8.0)


def passes(backbone: Backbone) -> list[torch.Tensor]:
    """Encoded, one pass three times (as it is, recorded, replayed), a gradient three times."""
    text = backbone.embed(["a cat"])
    x = backbone.encode(clip().frames[None])
    layers = backbone.family.blocks(backbone.denoiser.network)[1:2]
    found = [text, x]
    for _ in range(3):
        with torch.no_grad():
            found.append(backbone.denoiser.guided(x, 500, text, 0 * text, 3.0).x0)
        leaf = x.clone().requires_grad_()
        f = backbone.denoiser.features(leaf, 500, text, layers)[layers[0]]
        found.append(torch.autograd.grad(f.square().mean(), leaf)[0])
    return [one.cpu() for one in found]


@pytest.mark.filterwarnings(
    "ignore:.*torch.jit", "ignore:.*checkpoint", "ignore:The .grad", "ignore:TensorFloat32"
)
@pytest.mark.parametrize("options", [{}, {"low_memory": True}, {"compile": True}])
@pytest.mark.parametrize("name", NAMES)
def test_passes_and_gradients_equal_the_cpus(
    name: str,
    options: dict[str, Any],
    folders: dict[str, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    here = passes(load_backbone(str(folders[name])))
    if options.get("compile"):  # the tests' checks of shapes cannot be compiled; users have none
        monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    there = passes(load_backbone(str(folders[name]), device="cuda", **options))
    for a, b in zip(there, here, strict=True):
        assert float((a - b).norm() / b.norm()) < 1e-3


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", NAMES)
def test_methods_run_on_the_gpu(name: str, method: str, folders: dict[str, Path]) -> None:
    """The same video as on the CPU but for rounding, or the same refusal."""
    found = find_method(method)
    video = clip()
    source = Source("clip", video, "a cat", lambda: video)
    settings = {
        "model": str(folders[name]),
        "dtype": "float32",
        "steps": 5,
        "prompt_prefix": "",
        "negative_prompt": "",
        **METHODS[method],
    }
    made = []
    for device in ("cpu", "cuda"):
        parameters = found.Parameters(**settings)
        try:
            worker = found(parameters, device)
        except ValueError as error:
            assert "undefined" in str(error)
            return
        made.append(worker.transfer(worker.prepare(source), "a dog", 0).frames.astype(float))
    assert np.abs(made[0] - made[1]).mean() < 1.5


def test_memory_is_told_and_bounded_by_the_cap() -> None:
    device = torch.device("cuda")
    before = capacity(device)
    torch.cuda.set_per_process_memory_fraction(0.5)
    try:
        assert capacity(device) == pytest.approx(0.5 * before, rel=0.01)
        assert 0 < free_bytes(device) <= capacity(device)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
