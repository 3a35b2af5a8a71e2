"""A UNet of our own: other layouts, kernels and checkpoints, the same numbers."""

from __future__ import annotations

import copy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from smmbench.diffusion.acceleration import wide_norm
from smmbench.diffusion.acceleration.checkpointing import checkpoint_layers
from smmbench.diffusion.acceleration.compiled import compiled
from smmbench.diffusion.acceleration.convolutions import by_turned_weights, turns
from smmbench.diffusion.acceleration.layout import LastResnet, LastTemporalConv, channels_last
from smmbench.diffusion.backbone import load_backbone, own_denoiser
from smmbench.diffusion.capture import capture
from smmbench.diffusion.denoiser import Denoiser
from smmbench.diffusion.loading import load_network, load_schedule
from smmbench.smm import LAYERS

INSIDE = ("up_blocks.1.temp_convs.1.conv4", "up_blocks.1.resnets.0.norm1")


@pytest.fixture(scope="module")
def plain(tiny_backbone: Path) -> Denoiser:
    """With diffusers' own layers."""
    return Denoiser(
        load_network(tiny_backbone, "unet", "UNet3DConditionModel", torch.float32),
        load_schedule(tiny_backbone),
    )


def changed(plain: Denoiser, *changes: Callable[[nn.Module], None]) -> Denoiser:
    """A copy of the network, changed."""
    unet = copy.deepcopy(plain.network)
    for change in changes:
        change(unet)
    return Denoiser(unet, plain.schedule)


def inputs() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, 4, 3, 8, 4, generator=generator)
    return x, torch.randn(2, 16, 16, generator=generator)


def looked_at(denoiser: Denoiser) -> list[Tensor]:
    """What the network returns, its features, layers inside a fused one, and a gradient."""
    x, text = inputs()
    with torch.no_grad():
        with capture(denoiser.network, INSIDE) as inside:
            denoiser.output(x, 500, text)
        found = [denoiser.output(x, 500, text), *inside.values()]
    x.requires_grad_()
    features = denoiser.features(x, 500, text, LAYERS)
    loss = torch.stack([f.square().mean() for f in features.values()]).sum()
    return [*found, *features.values(), *torch.autograd.grad(loss, x)]


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes",
    [(channels_last,), (checkpoint_layers,), (channels_last, checkpoint_layers)],
    ids=["channels-last", "checkpoints", "both"],
)
def test_a_changed_network_computes_the_same(
    plain: Denoiser, changes: tuple[Callable[[nn.Module], None], ...]
) -> None:
    denoiser = changed(plain, *changes)
    for found, expected in zip(looked_at(denoiser), looked_at(plain), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    assert denoiser.network.state_dict().keys() == plain.network.state_dict().keys()


def test_layers_of_the_family_are_replaced_and_frames_stay_in_place(plain: Denoiser) -> None:
    unet = changed(plain, channels_last).network
    kinds = [type(module) for module in unet.modules()]
    assert {LastResnet, LastTemporalConv} <= set(kinds)
    assert nn.GroupNorm not in kinds
    for weight in unet.parameters():
        assert weight.ndim != 4 or weight.is_contiguous(memory_format=torch.channels_last)


def test_weights_that_learn_get_their_gradient(plain: Denoiser) -> None:
    x, text = inputs()
    slopes = []
    for denoiser in (changed(plain), changed(plain, channels_last)):
        weights = [
            denoiser.network.get_parameter(f"up_blocks.1.{name}").requires_grad_()
            for name in ("resnets.0.conv1.weight", "temp_convs.0.conv2.3.weight")
        ]
        slopes.append(torch.autograd.grad(denoiser.output(x, 500, text).square().sum(), weights))
    for found, expected in zip(*slopes, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("kernel", [(3, 3), (3, 1), (1, 1), (2, 3)])
@pytest.mark.parametrize("padding", [(0, 0), (1, 0), (1, 1)])
def test_turned_weights_give_the_gradient_of_the_input(
    kernel: tuple[int, int], padding: tuple[int, int]
) -> None:
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(5, 3, *kernel, generator=generator, dtype=torch.float64)
    if not turns(weight, (1, 1), padding):
        assert any(p >= k for p, k in zip(padding, kernel, strict=True))
        return
    x = torch.randn(2, 3, 6, 7, generator=generator, dtype=torch.float64, requires_grad=True)
    made = torch.nn.functional.conv2d(x, weight, padding=padding)
    slope = torch.randn(made.shape, generator=generator, dtype=torch.float64)
    (expected,) = torch.autograd.grad(made, x, slope)
    torch.testing.assert_close(by_turned_weights(slope, weight, padding), expected)


def test_weights_that_skip_places_are_not_turned() -> None:
    assert not turns(torch.zeros(4, 4, 3, 3), (2, 2), (1, 1))


def test_checkpointed_layers_keep_less(plain: Denoiser) -> None:
    def kept(denoiser: Denoiser) -> int:
        sizes: dict[int, int] = {}

        def pack(x: Tensor) -> Tensor:
            sizes[x.untyped_storage().data_ptr()] = x.untyped_storage().nbytes()
            return x

        x, text = inputs()
        with torch.autograd.graph.saved_tensors_hooks(pack, lambda x: x):
            features = denoiser.features(x.requires_grad_(), 500, text, LAYERS)
        return len(features) and sum(sizes.values())

    assert kept(changed(plain, checkpoint_layers)) < kept(plain) / 2


def test_on_the_cpu_a_loaded_model_keeps_diffusers_own_layers(tiny_backbone: Path) -> None:
    unet = load_backbone(str(tiny_backbone)).denoiser.network
    assert {type(m).__module__.partition(".")[0] for m in unet.modules()} == {"diffusers", "torch"}


def test_low_memory_gives_the_same(plain: Denoiser, tiny_backbone: Path) -> None:
    small = load_backbone(str(tiny_backbone), low_memory=True)
    assert small.denoiser.sequential
    assert small.codec.low_memory
    x, text = inputs()
    with torch.no_grad():
        found = small.denoiser.guided(x, 500, text, text[:1], 5.0).x0
        expected = plain.guided(x, 500, text, text[:1], 5.0).x0
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
    z = torch.randn(1, 4, 3, 2, 2)
    whole = load_backbone(str(tiny_backbone)).decode(z).astype(int)
    assert abs(small.decode(z) - whole).max() <= 1


# Compiling


def test_only_whole_passes_without_gradients_are_compiled(plain: Denoiser) -> None:
    calls: list[Tensor] = []

    class Spy(nn.Module):
        def forward(self, x: Tensor, t: Tensor, **texts: Tensor) -> object:
            calls.append(t)
            return plain.network(x, t, **texts)

    denoiser = Denoiser(plain.network, plain.schedule, compiled=Spy(), sequential=True)
    x, text = inputs()
    with torch.no_grad():
        denoiser.guided(x, 500, text, text[:1], 5.0)
        denoiser.features(x, 500, text, LAYERS)
    denoiser.output(x, 500, text)
    assert [int(t) for t in calls] == [500, 500]  # the halves of guidance, in turn


def test_without_a_compiler_the_way_out_is_told(
    plain: Denoiser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(RuntimeError, match=r"needs a C\+\+ compiler .* compile=false"):
        own_denoiser(plain.network, plain.schedule, compile=True)
    monkeypatch.setattr("smmbench.diffusion.acceleration.compiled.find_spec", lambda name: None)
    with pytest.raises(RuntimeError, match="needs Triton"):
        compiled(plain.network, torch.device("cuda"))


# Kernels

KERNELS = """
import torch, torch.nn.functional as F
from smmbench.diffusion.acceleration import kernels

torch.manual_seed(0)

def near(a, b):
    torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)

for shape, groups in (((2, 20, 5, 7), 4), ((1, 72, 9, 5), 3), ((1, 4, 1, 1), 4)):
    for silu, more in ((False, False), (True, False), (False, True), (True, True)):
        x = (torch.randn(shape) * 2 + 1).contiguous(memory_format=torch.channels_last)
        x.requires_grad_()
        weight, bias = torch.randn(2, shape[1])
        added = torch.randn(shape[:2]) if more else None
        whole = x + added[:, :, None, None] if more else x
        y = F.group_norm(whole, groups, weight, bias, 1e-5) if x[0].numel() > groups else None
        found, moments = kernels.normalise(x.detach(), weight, bias, groups, 1e-5, silu, added)
        if y is None:  # one number a group: nothing is left but the bias, and of rounding
            limit = 2**-22 / 1e-5**0.5 * float(whole.abs().max() * weight.abs().max())
            left = F.silu(bias) if silu else bias
            torch.testing.assert_close(found.flatten(), left, rtol=1e-4, atol=limit)
            continue
        y = F.silu(y) if silu else y
        slope = torch.randn_like(y).contiguous(memory_format=torch.channels_last)
        near(found, y)
        backward = kernels.normalise_backward(slope, x.detach(), weight, moments, silu)
        near(backward, torch.autograd.grad(y, x, slope)[0])

for shape in ((3, 5, 20), (70, 320), (1, 1, 8)):
    x = (torch.randn(shape) * 2 + 1).requires_grad_()
    weight, bias = torch.randn(2, shape[-1])
    y, slope = F.layer_norm(x, shape[-1:], weight, bias, 1e-5), torch.randn(shape)
    found, moments = kernels.layer_norm(x.detach(), weight, bias, 1e-5)
    near(found, y)
    backward = kernels.layer_norm_backward(slope, x.detach(), weight, moments)
    near(backward, torch.autograd.grad(y, x, slope)[0])

x, y = (a.contiguous(memory_format=torch.channels_last) for a in torch.randn(2, 2, 20, 13, 7))
bias = torch.randn(20)
near(kernels.sum_with_bias(x, y, bias), x + y + bias[:, None, None])

x = torch.randn(5, 7, 26).requires_grad_()
value, gate = x.chunk(2, -1)
y = value * F.gelu(gate)
slope = torch.randn_like(y)
near(kernels.geglu(x.detach()), y)
near(kernels.geglu_backward(slope, x.detach()), torch.autograd.grad(y, x, slope)[0])
"""


NETWORK = """
import copy, sys, torch
from pathlib import Path
from smmbench.diffusion.acceleration import layout
from smmbench.diffusion.acceleration import wide_norm
from smmbench.diffusion.capture import capture
from smmbench.diffusion.denoiser import Denoiser
from smmbench.diffusion.loading import load_network, load_schedule
from smmbench.smm import LAYERS

wide_norm.by_kernels = layout.by_kernels = lambda x: x.numel() > 0
torch.manual_seed(0)
folder = Path(sys.argv[1])
unet = load_network(folder, "unet", "UNet3DConditionModel", torch.float32)
plain = Denoiser(unet, load_schedule(folder))  # on diffusers' own layers
for name, weight in plain.network.named_parameters():
    if name.endswith("bias"):  # most begin as zeros
        torch.nn.init.normal_(weight, std=0.5)
ours = Denoiser(copy.deepcopy(plain.network), plain.schedule)
layout.channels_last(ours.network)
x, text = torch.randn(1, 4, 2, 8, 4), torch.randn(1, 7, 16)

def looked_at(denoiser):
    with torch.no_grad(), capture(denoiser.network, ["up_blocks.1.resnets.0.conv1"]) as seen:
        output = denoiser.output(x, 500, text)
    y = x.clone().requires_grad_()
    features = denoiser.features(y, 500, text, LAYERS).values()
    loss = sum(f.square().mean() for f in features)
    return [output, *seen.values(), *features, *torch.autograd.grad(loss, y)]

for a, b in zip(looked_at(ours), looked_at(plain), strict=True):
    torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)
"""


def interpret(code: str, *arguments: str) -> None:
    """Run code in Triton's interpreter, which runs kernels on the CPU."""
    pytest.importorskip("triton")
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env={"TRITON_INTERPRET": "1", "PATH": "", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_kernels_equal_pytorch_forward_and_backward() -> None:
    interpret(KERNELS)


@pytest.mark.slow
def test_a_network_of_kernels_computes_the_same(tiny_backbone: Path) -> None:
    interpret(NETWORK, str(tiny_backbone))


def test_off_the_gpu_norms_are_pytorchs() -> None:
    norm = wide_norm.WideGroupNorm(2, 4).requires_grad_(False)
    x = torch.randn(2, 4, 3, 3)
    assert torch.equal(norm(x), nn.GroupNorm(2, 4)(x))
    assert torch.equal(norm(x[:, :, 0]), nn.GroupNorm(2, 4)(x[:, :, 0]))
    value, gate = x.chunk(2, 1)
    assert torch.equal(wide_norm.geglu(x.movedim(1, -1)), (value * nn.GELU()(gate)).movedim(1, -1))
