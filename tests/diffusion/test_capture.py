"""Looking inside a network: the same numbers, an early end, and nothing left behind."""

from __future__ import annotations

import gc
import weakref

import pytest
import torch
from torch import Tensor, nn

from smmbench.diffusion.capture import capture


class Chain(nn.Module):
    """Three layers, each counting its runs; the third gives a tuple, the fourth a number."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(3, 3)
        self.second = nn.Linear(3, 3)
        self.third = Pair()
        self.unused = nn.Linear(3, 3)
        self.number = Number()

    def forward(self, x: Tensor) -> Tensor:
        x = self.third(self.second(self.first(x)))[0]
        return self.number(x) * x


class Pair(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.runs = 0

    def forward(self, x: Tensor) -> tuple[Tensor, int]:
        self.runs += 1
        return x.sin(), 1


class Number(nn.Module):
    def forward(self, x: Tensor) -> float:
        return 1.0


@pytest.fixture
def chain() -> Chain:
    return Chain()


def hooks(network: nn.Module) -> int:
    return sum(len(module._forward_hooks) for module in network.modules())


def test_stopped_and_whole_passes_give_the_same_features(chain: Chain) -> None:
    x = torch.randn(2, 3)
    layers = ("first", "second")
    with capture(chain, layers) as whole:
        out = chain(x)
    with capture(chain, layers, stop=True) as stopped:
        chain(x)
    assert torch.equal(out, chain(x))
    assert list(whole) == list(stopped) == ["first", "second"]
    for layer in layers:
        assert torch.equal(whole[layer], stopped[layer])
    assert torch.equal(whole["first"], chain.first(x))


def test_stop_spares_the_later_layers(chain: Chain) -> None:
    with capture(chain, ["second", "first"], stop=True):
        chain(torch.zeros(3))
    assert chain.third.runs == 0
    with capture(chain, ["second"]):
        chain(torch.zeros(3))
    assert chain.third.runs == 1


def test_gradients_reach_the_input(chain: Chain) -> None:
    x = torch.randn(3, requires_grad=True)
    with capture(chain, ["second"], stop=True) as features:
        chain(x)
    (gradient,) = torch.autograd.grad(features["second"].sum(), x)
    expected = chain.second.weight.sum(0) @ chain.first.weight
    torch.testing.assert_close(gradient, expected)


def test_a_tuple_gives_its_first_tensor(chain: Chain) -> None:
    with capture(chain, ["third"]) as features:
        out = chain(torch.ones(3))
    assert torch.equal(features["third"], out)


def test_hooks_are_gone_after_everything(chain: Chain) -> None:
    with capture(chain, ["first"], stop=True):
        chain(torch.zeros(3))
    assert hooks(chain) == 0
    with pytest.raises(RuntimeError), capture(chain, ["first"], stop=True):
        chain(torch.zeros(5))  # the wrong width
    assert hooks(chain) == 0
    with pytest.raises(KeyError), capture(chain, ["first"]):
        raise KeyError("ours to see")
    assert hooks(chain) == 0


def test_an_outer_capture_is_not_ended_by_an_inner_one(chain: Chain) -> None:
    with capture(chain, ["third"]) as outer:
        with capture(chain, ["first"], stop=True) as inner:
            chain(torch.zeros(3))
        assert "first" in inner
        chain(torch.zeros(3))
    assert "third" in outer


def test_names_are_checked_before_anything_runs(chain: Chain) -> None:
    with (
        pytest.raises(LookupError, match=r"no layer 'frist'; near names: first"),
        capture(chain, ["frist"]),
    ):
        raise AssertionError("the body must not run")
    with pytest.raises(ValueError, match="at least one layer"), capture(chain, []):
        pass


def test_a_layer_that_never_ran_or_gives_no_tensor_is_told(chain: Chain) -> None:
    with (
        pytest.raises(LookupError, match="did not run these layers: unused"),
        capture(chain, ["first", "unused"], stop=True),
    ):
        chain(torch.zeros(3))
    with (
        pytest.raises(LookupError, match="'number' returns no tensor but float"),
        capture(chain, ["number"]),
    ):
        chain(torch.zeros(3))
    assert hooks(chain) == 0


def test_a_stopped_pass_leaves_no_activation_to_the_garbage_collector(chain: Chain) -> None:
    kept: list[weakref.ref[Tensor]] = []
    chain.first.register_forward_hook(lambda _m, _i, output: kept.append(weakref.ref(output)))
    gc.disable()
    try:
        with torch.no_grad(), capture(chain, ["second"], stop=True):
            chain(torch.randn(2, 3))
        assert kept and kept[0]() is None
    finally:
        gc.enable()
