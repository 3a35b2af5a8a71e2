"""Where memory runs out: work is done again in less, it is said, and results stay the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.builders.transformers import build_tiny_wan
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from smmbench.diffusion.acceleration import compiled
from smmbench.diffusion.acceleration.checkpointing import ATTENTIONS, checkpoint_all_but_attention
from smmbench.diffusion.acceleration.memory import Economy, capacity, free_bytes, sparingly
from smmbench.diffusion.backbone import Backbone, load_backbone
from smmbench.diffusion.guidance import gradient
from smmbench.smm import Parameters, guide, layers_of


class Scarce:
    """Runs out of memory so many times, then does the work."""

    def __init__(self, work: Callable[..., Any], times: int) -> None:
        self.work, self.left = work, times

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self.left:
            self.left -= 1
            raise torch.cuda.OutOfMemoryError("CUDA out of memory")
        return self.work(*args, **kwargs)


@pytest.fixture(scope="module")
def wan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tiny_wan(tmp_path_factory.mktemp("scarce") / "wan")


@pytest.fixture(params=["unet-3d", "wan"])
def backbone(request: pytest.FixtureRequest, tiny_backbone: Path, wan: Path) -> Backbone:
    return load_backbone(str(tiny_backbone if request.param == "unet-3d" else wan))


def latent(backbone: Backbone, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(1, 4, 3, 8, 8, generator=generator)


def test_steps_are_taken_in_order_and_said() -> None:
    done: list[str] = []
    economy = Economy(("less", lambda: done.append("a")), ("least", lambda: done.append("b")))
    with pytest.warns(UserWarning) as said:
        assert sparingly(Scarce(lambda: 7, 2), economy) == 7
    assert done == ["a", "b"] and economy.taken == ["less", "least"]
    assert [str(one.message).split()[-1] for one in said] == ["less.", "least."]


def test_without_a_further_step_the_error_stays() -> None:
    with pytest.raises(torch.cuda.OutOfMemoryError):
        sparingly(Scarce(lambda: 7, 1), Economy())
    with pytest.raises(ValueError, match="not memory"), pytest.warns(UserWarning):

        def fails() -> None:
            raise ValueError("not memory")

        sparingly(Scarce(fails, 1), Economy(("less", lambda: None)))


def test_a_guided_step_that_ran_out_of_memory_is_the_same(
    backbone: Backbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Backwards, in the middle of an iteration: the step is done again with layers recomputed."""
    parameters = Parameters(dtype="float32", iterations=3)
    text, x, source = backbone.embed(["a cat"]), latent(backbone), latent(backbone, 1)

    def step() -> Tensor:
        return guide(backbone.denoiser, x, source, 500, text, text, 0.01, parameters)

    expected = step()
    monkeypatch.setattr(torch.autograd, "grad", Scarce(torch.autograd.grad, 1))
    with pytest.warns(UserWarning, match="layers are recomputed"):
        found = step()
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)
    assert backbone.denoiser.spare.taken


def test_guidance_goes_by_halves_where_memory_runs_out(backbone: Backbone) -> None:
    text, negative, x = backbone.embed(["a cat"]), backbone.embed([""]), latent(backbone)
    denoiser = backbone.denoiser
    with torch.no_grad():
        expected = denoiser.guided(x, 500, text, negative, 5.0)
        batches: list[int] = []
        network: Any = denoiser.network
        forward = network.forward
        scarce = Scarce(forward, 1)

        def watched(*args: Any, **kwargs: Any) -> Any:
            batches.append(len(kwargs["hidden_states"] if "hidden_states" in kwargs else args[0]))
            return scarce(*args, **kwargs)

        network.forward = watched
        try:
            with pytest.warns(UserWarning, match="halves of guidance"):
                found = denoiser.guided(x, 500, text, negative, 5.0)
        finally:
            network.forward = forward
    assert batches == [2, 1, 1]
    torch.testing.assert_close(found.x0, expected.x0, rtol=1e-4, atol=1e-5)


def test_clips_are_coded_in_smaller_pieces_where_memory_runs_out(tiny_backbone: Path) -> None:
    backbone = load_backbone(str(tiny_backbone))
    clip = np.random.default_rng(0).integers(0, 256, (1, 3, 64, 32, 3), dtype=np.uint8)
    expected = backbone.encode(clip)
    codec: Any = backbone.codec
    codec.network.encode = Scarce(codec.network.encode, 2)
    with pytest.warns(UserWarning, match="frames are processed"):
        found = backbone.encode(clip)
    assert codec.frames_at_once == 1
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_a_wan_codec_goes_over_to_tiles(wan: Path) -> None:
    backbone = load_backbone(str(wan))
    codec: Any = backbone.codec
    codec.network.decode = Scarce(codec.network.decode, 1)
    with pytest.warns(UserWarning, match="in tiles"):
        backbone.decode(latent(backbone))
    assert codec.network.use_tiling


@pytest.mark.parametrize("low_memory", [False, True])
def test_blocks_that_keep_attention_alone_give_the_same_gradient(
    wan: Path, low_memory: bool
) -> None:
    plain = load_backbone(str(wan))
    other = load_backbone(str(wan), low_memory=low_memory)
    if not low_memory:
        checkpoint_all_but_attention(other.denoiser.network)
    text, x = plain.embed(["a cat"]), latent(plain)
    layers = layers_of(plain.denoiser, Parameters())

    def slope(backbone: Backbone) -> Tensor:
        def loss(x: Tensor) -> Tensor:
            f = backbone.denoiser.features(x, 500, text, layers)[layers[0]]
            return f.square().flatten(1).sum(1)

        return gradient(x, loss, "a test")[0]

    torch.testing.assert_close(slope(other), slope(plain))
    assert slope(plain).abs().max() > 0


class Calls(TorchDispatchMode):
    """Counts products, and attentions by whether queries are as many as keys."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.counts: Counter[str] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in ATTENTIONS:
            own = args[0].shape[-2] == args[1].shape[-2]
            self.counts["own" if own else "to the text"] += 1
        elif "addmm" in str(func):
            self.counts["products"] += 1
        return func(*args, **(kwargs or {}))


def test_blocks_that_keep_attention_alone_attend_once(wan: Path) -> None:
    """Attention among the clip's tokens runs once a block; all else runs again backwards."""
    network: Any = load_backbone(str(wan)).denoiser.network

    def count() -> Counter[str]:
        x = torch.randn(1, 4, 3, 8, 8).requires_grad_()
        t, text = torch.tensor([500.0]), torch.randn(1, 5, 16)
        with Calls() as calls:
            found = network(x, t, text, return_dict=False)[0]
            found.square().sum().backward()
        return calls.counts

    before = count()
    checkpoint_all_but_attention(network)
    after = count()
    assert before["own"] == before["to the text"] == after["own"] == 3
    assert after["to the text"] == 6
    assert after["products"] > 1.5 * before["products"]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:The .grad attribute")
def test_compiled_blocks_are_compiled_once_and_compute_the_same(
    wan: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a compiler that only traces: two graphs serve all blocks, without and with gradients."""
    made: list[int] = []

    def compiler(graph: Any, inputs: Any) -> Any:
        made.append(len(inputs))
        return graph.forward

    untyped: Any = torch
    own = untyped.compile
    monkeypatch.setattr(torch, "compile", lambda work, **how: own(work, backend=compiler, **how))
    monkeypatch.setattr(compiled, "check_compiler", lambda device: None)
    plain, other = load_backbone(str(wan)), load_backbone(str(wan), compile=True)
    text, x = plain.embed(["a cat"]), latent(plain)
    layers = plain.family.blocks(plain.denoiser.network)[-1:]

    def looked_at(backbone: Backbone) -> list[Tensor]:
        with torch.no_grad():
            found = [backbone.denoiser.output(x, t, text) for t in (900.0, 100.0)]

        def loss(x: Tensor) -> Tensor:
            f = backbone.denoiser.features(x, 500.0, text, layers)[layers[0]]
            return f.square().flatten(1).sum(1)

        return [*found, gradient(x, loss, "a test")[0]]

    for a, b in zip(looked_at(other), looked_at(plain), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)
    assert len(made) == 2
    assert other.denoiser.sequential and other.denoiser.graphs is None


def test_where_nobody_tells_memory_is_endless() -> None:
    assert capacity(torch.device("cpu")) == free_bytes(torch.device("cpu")) == float("inf")


@pytest.mark.parametrize(("device", "index"), [("cuda", 2), ("cuda:1", 1)])
def test_a_gpu_without_a_number_is_the_current_one(
    device: str, index: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PyTorch's own question takes numbers alone."""
    shares = {1: 0.5, 2: 0.25}
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 2)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda index: (0, 1000 * index))
    monkeypatch.setattr(
        torch.cuda.memory, "get_per_process_memory_fraction", shares.__getitem__, raising=False
    )
    assert capacity(torch.device(device)) == shares[index] * 1000 * index
