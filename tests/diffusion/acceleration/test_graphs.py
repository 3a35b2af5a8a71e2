"""Recorded passes: a replay computes what the pass would, or the pass runs as it is."""

from __future__ import annotations

import copy
import gc
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers.models.attention_processor import Attention, AttnProcessor2_0
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from smmbench.diffusion.acceleration.graphs import SWITCH, CudaTape, Graphs, ResultT, graphs_of
from smmbench.diffusion.backbone import own_denoiser
from smmbench.diffusion.capture import capture
from smmbench.diffusion.denoiser import Denoiser
from smmbench.diffusion.loading import load_network, load_schedule
from smmbench.smm import LAYERS, Parameters, guide

cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="CUDA graphs need a GPU")


class Operators(TorchDispatchMode):
    """A recording on the CPU: each operator with its tensors, run again in place."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.calls: list[tuple[Any, ...]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        self.calls.append((func, args, kwargs or {}, result))
        return result

    def replay(self) -> None:
        for func, args, kwargs, result in self.calls:
            given = {_memory(one) for one in tree_leaves((args, kwargs)) if _is_tensor(one)}
            again = func(*args, **kwargs)
            for old, new in zip(tree_leaves(result), tree_leaves(again), strict=True):
                if _is_tensor(old) and _memory(old) not in given:  # neither a view nor in place
                    old.copy_(new)


def _is_tensor(one: Any) -> bool:
    return isinstance(one, Tensor)


def _memory(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()


class CpuTape:
    """Records like CUDA graphs do, by tensors and not by values, and counts."""

    def __init__(self) -> None:
        self.ran = self.recorded = self.replayed = self.closed = 0

    def run(self, work: Callable[[], ResultT]) -> ResultT:
        self.ran += 1
        return work()

    def record(self, work: Callable[[], ResultT]) -> tuple[Callable[[], None], ResultT]:
        self.recorded += 1
        operators = Operators()
        with operators:
            result = work()

        def replay() -> None:
            self.replayed += 1
            with torch.no_grad():
                operators.replay()

        return replay, result

    def close(self) -> None:
        self.closed += 1


@pytest.fixture(scope="module")
def loaded(tiny_backbone: Path) -> Denoiser:
    """With diffusers' own layers: weights packed for the CPU are nothing that a tape could see."""
    return Denoiser(
        load_network(tiny_backbone, "unet", "UNet3DConditionModel", torch.float32),
        load_schedule(tiny_backbone),
    )


@pytest.fixture
def plain(loaded: Denoiser) -> Denoiser:
    return Denoiser(copy.deepcopy(loaded.network), loaded.schedule)


@pytest.fixture
def tape() -> CpuTape:
    return CpuTape()


@pytest.fixture
def recorded(plain: Denoiser, tape: CpuTape) -> Denoiser:
    graphs = Graphs(plain.network, lambda: tape)
    return Denoiser(plain.network, plain.schedule, graphs=graphs)


def inputs(seed: int, device: str = "cpu") -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(1, 4, 3, 8, 4, generator=generator)
    return x.to(device), torch.randn(1, 16, 16, generator=generator).to(device)


def slope(denoiser: Denoiser, x: Tensor, t: int, text: Tensor) -> Tensor:
    x = x.clone().requires_grad_()
    features = denoiser.features(x, t, text, LAYERS)
    loss = torch.stack([f.square().mean() for f in features.values()]).sum()
    (found,) = torch.autograd.grad(loss, x)
    return found


def output(denoiser: Denoiser, x: Tensor, t: int, text: Tensor) -> Tensor:
    with torch.no_grad():
        return denoiser.output(x, t, text)


@pytest.mark.parametrize("ask", [output, slope])
def test_replays_compute_what_passes_do(
    plain: Denoiser, recorded: Denoiser, tape: CpuTape, ask: Callable[..., Tensor]
) -> None:
    for i, t in enumerate((900, 700, 500, 20, 700)):  # run, recorded, then replayed
        x, text = inputs(i)
        torch.testing.assert_close(ask(recorded, x, t, text), ask(plain, x, t, text))
    records = 2 if ask is slope else 1  # a gradient is a recording of its own
    assert (tape.ran, tape.recorded) == (1, records)
    assert tape.replayed == 4 * records


def test_features_alone_are_replayed_too(plain: Denoiser, recorded: Denoiser) -> None:
    for i in range(3):
        x, text = inputs(i)
        with torch.no_grad():
            found, expected = (d.features(x, 500, text, LAYERS) for d in (recorded, plain))
        assert list(found) == list(expected) == list(LAYERS)
        for layer in LAYERS:
            torch.testing.assert_close(found[layer], expected[layer])


def test_an_earlier_result_is_not_overwritten(recorded: Denoiser) -> None:
    results = [output(recorded, *_at(i)) for i in range(4)]
    copies = [one.clone() for one in results]
    output(recorded, *_at(9))
    for one, before in zip(results, copies, strict=True):
        assert torch.equal(one, before)


def _at(seed: int) -> tuple[Tensor, int, Tensor]:
    x, text = inputs(seed)
    return x, 500, text


def test_another_shape_is_another_recording(
    plain: Denoiser, recorded: Denoiser, tape: CpuTape
) -> None:
    for _ in range(3):
        for copies in (1, 2):
            x, text = (torch.cat([one] * copies) for one in inputs(copies))
            torch.testing.assert_close(output(recorded, x, 500, text), output(plain, x, 500, text))
    assert (tape.ran, tape.recorded, tape.replayed) == (2, 2, 4)


@pytest.mark.slow
def test_a_guided_step_is_the_same(plain: Denoiser, recorded: Denoiser, tape: CpuTape) -> None:
    parameters = Parameters(dtype="float32", iterations=4)
    for t in (900, 800):
        (x, text), (source, source_text) = inputs(1), inputs(2)
        found, expected = (
            guide(d, x, source, t, text, source_text, 0.007, parameters) for d in (recorded, plain)
        )
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)
    assert tape.replayed


def test_hooked_layers_are_run_so_that_they_are_seen(
    plain: Denoiser, recorded: Denoiser, tape: CpuTape
) -> None:
    for i in range(3):
        output(recorded, *_at(i))
    before = tape.replayed
    for d in (recorded, plain):
        with capture(d.network, ["conv_out"]) as seen:
            found = output(d, *_at(5))
        assert seen["conv_out"].shape[1] == found.shape[1]
    assert tape.replayed == before
    counted = []
    hook = torch.nn.modules.module.register_module_forward_pre_hook(
        lambda module, _: counted.append(type(module).__name__)
    )
    try:
        output(recorded, *_at(5))
    finally:
        hook.remove()
    assert "UNet3DConditionModel" in counted
    assert tape.replayed == before


def test_changed_weights_are_used(plain: Denoiser, recorded: Denoiser, tape: CpuTape) -> None:
    for i in range(3):
        output(recorded, *_at(i))
    bias = plain.network.get_parameter("conv_out.bias")
    with torch.no_grad():  # in place: a recording reads the same memory
        bias.add_(1)
    torch.testing.assert_close(output(recorded, *_at(3)), output(plain, *_at(3)))
    assert tape.replayed == 3
    bias.data = bias.data - 5  # replaced: a recording would read the old one
    torch.testing.assert_close(output(recorded, *_at(3)), output(plain, *_at(3)))
    assert tape.replayed == 3


class Counting(AttnProcessor2_0):
    """An attention processor of a third party: it counts calls, and each result differs."""

    calls = 0

    def __call__(self, *args: Any, **kwargs: Any) -> Tensor:
        self.calls += 1
        return super().__call__(*args, **kwargs) * self.calls


def test_layers_of_others_run_each_time(plain: Denoiser, recorded: Denoiser, tape: CpuTape) -> None:
    for i in range(3):
        output(recorded, *_at(i))
    before = tape.replayed
    attention = next(part for part in plain.network.modules() if isinstance(part, Attention))
    own = attention.processor
    counting: Any = Counting()  # type: ignore[no-untyped-call]
    attention.set_processor(counting)
    first, second = (output(recorded, *_at(3)) for _ in range(2))
    assert counting.calls == 2 and not torch.equal(first, second)
    assert tape.replayed == before
    attention.set_processor(own)
    conv = plain.network.get_submodule("conv_out")
    vars(conv)["forward"] = lambda x: torch.zeros_like(x[:, :4])
    assert not output(recorded, *_at(3)).any()
    assert tape.replayed == before
    del vars(conv)["forward"]
    for i in range(3):
        torch.testing.assert_close(output(recorded, *_at(i)), output(plain, *_at(i)))
    assert tape.replayed > before


def test_weights_that_learn_are_never_recorded(recorded: Denoiser, tape: CpuTape) -> None:
    recorded.network.get_submodule("conv_out").requires_grad_(True)
    for i in range(3):
        recorded.output(*_at(i)).sum().backward()
    assert not tape.ran and not tape.recorded


def test_a_pass_between_another_and_its_gradient_leaves_it_alone(
    plain: Denoiser, recorded: Denoiser, tape: CpuTape
) -> None:
    for i in range(3):
        output(recorded, *_at(i))
        slope(recorded, *_at(i))
    x, t, text = _at(7)
    found = []
    for d in (recorded, plain):
        leaf = x.clone().requires_grad_()
        features = d.features(leaf, t, text, LAYERS)
        before = tape.replayed
        between = output(d, *_at(8))  # would overwrite what the gradient needs
        other = slope(d, *_at(8))
        assert tape.replayed == before
        loss = torch.stack([f.square().mean() for f in features.values()]).sum()
        found.append([*torch.autograd.grad(loss, leaf), between, other])
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs)
    before = tape.replayed
    slope(recorded, *_at(9))
    assert tape.replayed == before + 2  # the gradient came, so replays go on


def test_a_pass_whose_gradient_never_comes_does_not_stop_replays(
    recorded: Denoiser, tape: CpuTape
) -> None:
    for i in range(3):
        x, t, text = _at(i)
        recorded.features(x.requires_grad_(), t, text, LAYERS)
    before = tape.replayed
    slope(recorded, *_at(5))
    assert tape.replayed == before + 2


def test_a_gradient_is_given_once(recorded: Denoiser) -> None:
    for i in range(2):
        slope(recorded, *_at(i))
    x, t, text = _at(3)
    features = recorded.features(x.requires_grad_(), t, text, LAYERS)
    loss = features[LAYERS[0]].sum()
    torch.autograd.grad(loss, x, retain_graph=True)
    with pytest.raises(RuntimeError, match="gives its gradient once; run the pass again"):
        torch.autograd.grad(loss, x)


def test_what_is_forgotten_is_recorded_anew(
    plain: Denoiser, recorded: Denoiser, tape: CpuTape
) -> None:
    for _ in range(2):
        for i in range(3):
            torch.testing.assert_close(output(recorded, *_at(i)), output(plain, *_at(i)))
        recorded.forget()
    assert (tape.ran, tape.recorded, tape.replayed) == (2, 2, 4)
    assert tape.closed == 2


@pytest.mark.parametrize("circle", [False, True])
def test_what_is_forgotten_is_gone_at_once(recorded: Denoiser, circle: bool) -> None:
    """Not at the next garbage collection: on a GPU it holds gigabytes."""
    gc.disable()
    try:
        for i in range(3):
            slope(recorded, *_at(i))
            output(recorded, *_at(i))
        assert recorded.graphs is not None
        alive = [weakref.ref(one) for one in recorded.graphs._passes.values() if one]
        assert len(alive) == 2
        if circle:  # as a frame that a traceback keeps may close it
            for one in recorded.graphs._passes.values():
                vars(one)["itself"] = one
            del one
        recorded.forget()
        assert not any(one() for one in alive)
    finally:
        gc.enable()


def test_a_network_that_cannot_be_recorded_runs_as_it_is(plain: Denoiser) -> None:
    class Broken(CpuTape):
        def record(self, work: Callable[[], ResultT]) -> tuple[Callable[[], None], ResultT]:
            raise RuntimeError("operation not permitted when stream is capturing\nmore")

    denoiser = Denoiser(plain.network, plain.schedule, graphs=Graphs(plain.network, Broken))
    output(denoiser, *_at(0))
    with pytest.warns(UserWarning, match=r"runs without one, slower: operation not permitted"):
        found = output(denoiser, *_at(1))
    torch.testing.assert_close(found, output(plain, *_at(1)))
    torch.testing.assert_close(output(denoiser, *_at(2)), output(plain, *_at(2)))


def test_nothing_is_recorded_on_the_cpu_or_when_switched_off(
    plain: Denoiser, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert graphs_of(plain.network) is None
    monkeypatch.setenv(SWITCH, "0")
    assert graphs_of(plain.network) is None


@cuda
@pytest.mark.parametrize("ask", [output, slope])
@pytest.mark.parametrize("low_memory", [False, True])
def test_cuda_graphs_compute_what_passes_do(
    loaded: Denoiser, ask: Callable[..., Tensor], low_memory: bool, recwarn: Any
) -> None:
    unet = copy.deepcopy(loaded.network).cuda()
    ours = own_denoiser(unet, loaded.schedule, low_memory)
    plain = Denoiser(unet, loaded.schedule, sequential=low_memory)
    assert ours.graphs is not None
    for i, t in enumerate((900, 700, 500, 20, 700)):
        x, text = inputs(i, "cuda")
        torch.testing.assert_close(
            ask(ours, x, t, text), ask(plain, x, t, text), rtol=1e-4, atol=1e-5
        )
    assert not [one for one in recwarn if "CUDA graph" in str(one.message)]
    ours.forget()
    x, text = inputs(0, "cuda")
    torch.testing.assert_close(
        ask(ours, x, 300, text), ask(plain, x, 300, text), rtol=1e-4, atol=1e-5
    )


@cuda
def test_cuda_memory_is_given_back_and_does_not_grow(loaded: Denoiser) -> None:
    ours = own_denoiser(copy.deepcopy(loaded.network).cuda(), loaded.schedule)
    held = []
    for _ in range(4):
        for i in range(3):
            slope(ours, *_at_cuda(i))
            output(ours, *_at_cuda(i))
        ours.forget()
        held.append(torch.cuda.memory_reserved())
    assert held[-1] == held[1], held


def _at_cuda(seed: int) -> tuple[Tensor, int, Tensor]:
    x, text = inputs(seed, "cuda")
    return x, 500, text


@cuda
def test_cuda_recordings_share_memory_and_are_given_back() -> None:
    tape = CudaTape(torch.device("cuda"))
    x = torch.ones(1000, device="cuda")
    add, first = tape.record(lambda: x + 1)
    double, second = tape.record(lambda: x * 2)
    for value in (3.0, 5.0):
        x.fill_(value)
        add()
        double()
        torch.cuda.synchronize()
        assert first[0] == value + 1 and second[0] == value * 2
