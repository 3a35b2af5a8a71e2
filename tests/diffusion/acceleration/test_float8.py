"""Linear layers in 8 bits: near what they round, with the gradient of the rounded weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from tests.builders.transformers import build_tiny_wan
from torch import nn

from smmbench.diffusion.acceleration.float8 import Float8Linear, to_float8
from smmbench.diffusion.backbone import load_backbone


def test_rows_are_rounded_by_their_own_factor() -> None:
    x = torch.randn(5, 64) * torch.tensor([1e-4, 1.0, 100.0, 1e4, 0.0])[:, None]
    rounded, scale = to_float8(x)
    near = rounded.float() * scale
    assert not near[4].any()
    error = (near - x)[:4].norm(dim=1) / x[:4].norm(dim=1)
    assert (error < 0.04).all()  # three bits behind the comma
    assert (error > 0.001).all()


def test_a_layer_is_near_the_one_it_rounds_and_its_gradient_is_its_own() -> None:
    linear = nn.Linear(64, 32).requires_grad_(False)
    layer = Float8Linear(linear)
    x = torch.randn(2, 7, 64, requires_grad=True)
    found = layer(x)
    assert found.shape == (2, 7, 32)
    assert (found - linear(x)).norm() / linear(x).norm() < 0.06
    slope = torch.randn_like(found)
    (gradient,) = torch.autograd.grad(found, x, slope)
    weight: Any = layer.weight
    scale: Any = layer.scale
    torch.testing.assert_close(gradient, slope @ (weight.float() * scale))


def test_a_transformers_blocks_are_rounded_and_nothing_else(tmp_path: Path) -> None:
    folder = str(build_tiny_wan(tmp_path / "wan"))
    plain, rounded = load_backbone(folder), load_backbone(folder, float8=True)
    names = {
        name
        for name, part in rounded.denoiser.network.named_modules()
        if isinstance(part, Float8Linear)
    }
    assert "blocks.0.attn1.to_q" in names and "blocks.2.ffn.net.2" in names
    assert all(name.startswith("blocks.") for name in names) and len(names) == 3 * 10
    x, text = torch.randn(1, 4, 3, 8, 8), plain.embed(["a cat"])
    with torch.no_grad():
        a, b = (one.denoiser.output(x, 500.0, text) for one in (plain, rounded))
    assert 0 < float((a - b).norm() / a.norm()) < 0.1


def test_a_unet_is_not_rounded(tiny_backbone: Path) -> None:
    with pytest.raises(RuntimeError, match="float8 is for transformers only"):
        load_backbone(str(tiny_backbone), float8=True)
