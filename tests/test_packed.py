"""Layers with packed weights on the CPU: the same numbers as diffusers' own."""

from __future__ import annotations

import copy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from diffusers.models.unets.unet_3d_condition import UNet3DConditionModel
from torch import Tensor, nn

from smmbench.diffusion import frozen, frozen_attention, packed, winograd
from smmbench.diffusion.backbone import load_backbone, own_denoiser
from smmbench.diffusion.capture import capture
from smmbench.diffusion.denoiser import Denoiser
from smmbench.diffusion.folders import model_folder
from smmbench.diffusion.loading import load_network, load_schedule
from smmbench.smm import Parameters

LAYERS = Parameters().layers
BLOCK = "up_blocks.1.attentions.0.transformer_blocks.0"
INSIDE = (
    f"{BLOCK}.attn1.to_q",
    f"{BLOCK}.attn2.to_k",
    f"{BLOCK}.ff.net.0.proj",
    "up_blocks.1.temp_convs.1.conv4",
    "up_blocks.1.resnets.0.norm1",
)

pytestmark = pytest.mark.skipif(
    not frozen._packing(), reason="PyTorch was built without oneDNN, nothing is packed"
)


@pytest.fixture(scope="module")
def plain() -> Denoiser:
    """The embedded model with diffusers' own layers."""
    folder = model_folder("emoji", "")
    return Denoiser(load_network(folder, "unet", torch.float32), load_schedule(folder))


@pytest.fixture(scope="module")
def ours(plain: Denoiser) -> Denoiser:
    return own_denoiser(copy.deepcopy(plain.unet), plain.schedule)


def inputs(batch: int, *size: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(batch, 8, *size, generator=generator)
    return x, torch.randn(batch, 24, 128, generator=generator)


def near(found: Tensor, expected: Tensor) -> None:
    assert found.shape == expected.shape
    assert (found - expected).norm() < 1e-5 * expected.norm()


def slope(denoiser: Denoiser, x: Tensor, text: Tensor) -> Tensor:
    x = x.clone().requires_grad_()
    features = denoiser.features(x, 500, text, LAYERS).values()
    loss = torch.stack([f.mean((3, 4)).square().mean() for f in features]).sum()
    return torch.autograd.grad(loss, x)[0]


@pytest.mark.parametrize(
    ("batch", "size"),
    [(1, (16, 16, 16)), (2, (16, 16, 16)), (2, (3, 12, 8)), (1, (1, 4, 20))],
    ids=["one", "two", "odd", "frame"],
)
def test_the_embedded_model_is_the_same(
    plain: Denoiser, ours: Denoiser, batch: int, size: tuple[int, ...]
) -> None:
    x, text = inputs(batch, *size)
    with torch.no_grad():
        near(ours.output(x, 500, text), plain.output(x, 500, text))
    near(slope(ours, x, text), slope(plain, x, text))


def test_all_its_layers_are_replaced_and_keep_their_names(plain: Denoiser, ours: Denoiser) -> None:
    kinds = {type(module) for module in ours.unet.modules()}
    assert {packed.PackedConv2d, packed.PackedTemporalConv} <= kinds
    assert {frozen_attention.FrozenBlock, frozen_attention.FrozenLinear} <= kinds
    assert nn.Linear not in kinds
    assert ours.unet.state_dict().keys() == plain.unet.state_dict().keys()


@pytest.mark.parametrize("layer", INSIDE)
def test_hooks_inside_fire(plain: Denoiser, ours: Denoiser, layer: str) -> None:
    x, text = inputs(1, 4, 8, 8)
    found = []
    for denoiser in (ours, plain):
        with torch.no_grad(), capture(denoiser.unet, (layer,)) as features:
            denoiser.output(x, 500, text)
        found.append(features[layer])
    near(found[0].reshape(found[1].shape), found[1])


def test_weights_that_learn_get_their_gradient(plain: Denoiser) -> None:
    x, text = inputs(1, 4, 8, 8)
    names = [
        f"{BLOCK}.attn1.to_q.weight",
        f"{BLOCK}.ff.net.2.weight",
        "up_blocks.1.resnets.0.conv1.weight",
        "up_blocks.1.temp_convs.0.conv2.3.weight",
    ]
    slopes = []
    for denoiser in (own_denoiser(copy.deepcopy(plain.unet), plain.schedule), plain):
        unet = copy.deepcopy(denoiser.unet)
        weights = [unet.get_parameter(name).requires_grad_() for name in names]
        loss = Denoiser(unet, plain.schedule).output(x, 500, text).square().sum()
        slopes.append(torch.autograd.grad(loss, weights))
    for found, expected in zip(*slopes, strict=True):
        near(found, expected)


def test_weights_that_were_changed_are_packed_anew(plain: Denoiser) -> None:
    x, text = inputs(1, 4, 8, 8)
    changed = copy.deepcopy(plain.unet)
    mine = own_denoiser(copy.deepcopy(plain.unet), plain.schedule)
    with torch.no_grad():
        mine.output(x, 500, text)
        for unet in (changed, mine.unet):
            for name, weight in unet.named_parameters():
                if "to_q" in name or "conv" in name or "ff" in name:
                    weight.mul_(1.1)
        near(mine.output(x, 500, text), Denoiser(changed, plain.schedule).output(x, 500, text))


def test_texts_that_learn_get_their_gradient(plain: Denoiser, ours: Denoiser) -> None:
    x, text = inputs(1, 4, 8, 8)
    found, expected = (
        torch.autograd.grad(denoiser.output(x, 500, learnt).square().sum(), learnt)[0]
        for denoiser in (ours, plain)
        for learnt in [text.clone().requires_grad_()]
    )
    near(found, expected)


def test_each_frame_may_have_its_own_text() -> None:
    clips = torch.randn(2, 3, 4)
    assert torch.equal(frozen_attention._distinct(clips.repeat_interleave(5, 0)), clips)
    for uneven in (clips[[0, 0, 1]], clips[[0, 1, 1, 1]], torch.randn(3, 3, 4)):
        assert torch.equal(frozen_attention._distinct(uneven), uneven)


def test_large_networks_are_not_packed(plain: Denoiser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed, "LARGEST", 2**20)
    unet = own_denoiser(copy.deepcopy(plain.unet), plain.schedule).unet
    assert nn.Linear in {type(module) for module in unet.modules()}


def test_other_types_run_as_they_did(plain: Denoiser, ours: Denoiser) -> None:
    x, text = inputs(1, 2, 4, 4)
    halves: Any = [copy.deepcopy(one.unet).to(torch.float64) for one in (ours, plain)]
    with torch.no_grad():
        near(*(Denoiser(unet, plain.schedule).output(x, 500, text) for unet in halves))


# One layer at a time


@pytest.mark.parametrize("size", [(4, 4), (8, 8), (4, 12)])
def test_winograd_is_a_convolution(size: tuple[int, int]) -> None:
    x = torch.randn(3, 5, *size).contiguous(memory_format=torch.channels_last)
    weight, bias = torch.randn(7, 5, 3, 3), torch.randn(7)
    found = winograd.convolve(x, winograd.transform_weight(weight), bias)
    near(found, F.conv2d(x, weight, bias, padding=1))
    assert found.is_contiguous(memory_format=torch.channels_last)


def test_winograd_takes_small_images_of_many_channels() -> None:
    assert winograd.pays(192, 192, 4, 4)
    assert not winograd.pays(192, 192, 6, 4)
    assert not winograd.pays(64, 64, 16, 16)


@pytest.mark.parametrize(
    ("stride", "padding"), [((1, 1), (1, 1)), ((2, 2), (1, 1)), ((1, 1), (0, 0))]
)
def test_convolutions_and_their_gradients(stride: Any, padding: Any) -> None:
    weight, bias = torch.randn(8, 4, 3, 3), torch.randn(8)
    x = torch.randn(2, 4, 7, 9).contiguous(memory_format=torch.channels_last).requires_grad_()
    found = frozen.Convolution(weight, bias, stride, padding)(x)
    expected = F.conv2d(x, weight, bias, stride, padding)
    near(found, expected)
    back = torch.randn_like(expected)
    near(torch.autograd.grad(found, x, back)[0], torch.autograd.grad(expected, x, back)[0])


@pytest.mark.parametrize("tokens", [1, 16, 65])
def test_attention_and_its_gradient(tokens: int) -> None:
    qkv = torch.randn(3, tokens, 3 * 2 * 8, requires_grad=True)
    query, key, value = (
        part.unflatten(-1, (2, 8)).transpose(1, 2) for part in qkv.chunk(3, dim=-1)
    )
    expected = F.scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2)
    found = frozen.attention(qkv, 2)
    near(found, expected)
    near(frozen.attention(qkv.detach(), 2), expected)
    back = torch.randn_like(expected)
    near(torch.autograd.grad(found, qkv, back)[0], torch.autograd.grad(expected, qkv, back)[0])


def test_freed_memory_is_kept_where_glibc_is() -> None:
    code = (
        "from smmbench.diffusion.freed_memory import keep_freed_memory as keep\n"
        "import platform\n"
        "glibc = platform.system() == 'Linux' and platform.libc_ver()[0] == 'glibc'\n"
        "assert keep() == glibc == keep()\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_loaded_model_is_packed(tiny_backbone: Path) -> None:
    unet = load_backbone(str(tiny_backbone)).denoiser.unet
    assert isinstance(unet, UNet3DConditionModel)
    assert packed.PackedConv2d in {type(module) for module in unet.modules()}


def test_memory_that_is_kept_is_given_back() -> None:
    code = (
        "from smmbench.diffusion.freed_memory import give_back_freed_memory, keep_freed_memory\n"
        "give_back_freed_memory(); keep_freed_memory(); give_back_freed_memory()\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
