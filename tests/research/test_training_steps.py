"""Cheap training steps: the flat, recorded step is the ordinary one."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch
from torch import nn

from smmbench_research.emoji.training.loop import Loop, Place
from smmbench_research.emoji.training.steps import ALIGNMENT, Recorded, flatten_, views

CPU = Place(torch.device("cpu"))


class Small(nn.Module):
    """Parameters of several shapes, one in channels-last order, one frozen, and statistics."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv = nn.Conv2d(3, 5, 3, bias=False).to(memory_format=torch.channels_last)
        self.norm = nn.BatchNorm2d(5)
        self.frozen = nn.Parameter(torch.ones(3), requires_grad=False)
        self.scale = nn.Parameter(torch.ones(4))
        self.unused = nn.Parameter(torch.ones(2))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (
            self.norm(self.conv(x)) * x[:, :1, 1:-1, 1:-1]
        ).mean() + self.scale.sum() * self.frozen.sum()


def batch(step: int) -> torch.Tensor:
    return torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(step))


def ordinary(steps: int, rate: float, decay: float) -> tuple[Small, Small]:
    """The same training with an optimiser that holds every parameter on its own."""
    model = Small()
    averaged = copy.deepcopy(model)
    trained = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(trained, lr=rate, betas=(0.9, 0.99), weight_decay=0.01)
    for step in range(steps):
        optimiser.zero_grad()
        model(batch(step)).backward()
        for p in trained:
            p.grad = torch.zeros_like(p) if p.grad is None else p.grad
        nn.utils.clip_grad_norm_(trained, 1.0)
        optimiser.step()
        pull = 1 - min(decay, (1 + step) / (10 + step))
        with torch.no_grad():
            for a, b in zip(
                averaged.state_dict().values(), model.state_dict().values(), strict=True
            ):
                if a.is_floating_point():
                    a.lerp_(b, pull)
    return model, averaged


@pytest.mark.parametrize("recorded", [False, True])
def test_the_flat_step_is_adamw_with_clipping_and_an_average(
    tmp_path: Path, recorded: bool
) -> None:
    loop = Loop(Small(), CPU, tmp_path, "small", 1e6, rate=1e-2, warmup=1, decay=0.9)
    now = 0

    def compute() -> dict[str, torch.Tensor]:
        return {"loss": loop.model(batch(now))}

    step = loop.record(compute)
    for now in range(6):
        loop.share = 0.0
        step() if recorded else loop.update(loop.model(batch(now)))
        loop.step += 1
    model, averaged = ordinary(6, 1e-2, 0.9)
    for found, expected in ((loop.model, model), (loop.averaged, averaged)):
        for (name, a), b in zip(
            found.state_dict().items(), expected.state_dict().values(), strict=True
        ):
            torch.testing.assert_close(a, b, atol=1e-6, rtol=1e-4, msg=name)


def test_parameters_are_views_that_keep_shape_order_and_alignment() -> None:
    model = Small()
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    strides = {name: p.stride() for name, p in model.named_parameters()}
    flat = flatten_(list(model.parameters()))
    for name, p in model.named_parameters():
        assert torch.equal(p, before[name]) and p.stride() == strides[name]
        assert (p.data_ptr() - flat.data_ptr()) % (4 * ALIGNMENT) == 0
    flat.fill_(3.0)
    assert all((p == 3).all() for p in model.parameters())
    assert sum(v.numel() for v in views(flat, list(model.parameters()))) < flat.numel()


def test_nothing_to_train_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Nothing to train"):
        Loop(nn.Identity(), CPU, tmp_path, "nothing", 1)


def test_a_resumed_run_follows_the_rate_of_now(tmp_path: Path) -> None:
    """The stored optimiser holds a rate of its own, which must not stay."""
    first = Loop(Small(), CPU, tmp_path, "small", 1e6, rate=1e-2, warmup=1)
    first.update(first.model(batch(0)))
    first.save()
    second = Loop(Small(), CPU, tmp_path, "small", 1e6, rate=0.0, warmup=1, resume=True)
    weight = second.model.get_parameter("conv.weight")
    before = weight.detach().clone()
    second.update(second.model(batch(1)))
    assert torch.equal(weight, before)


def test_on_a_cpu_every_call_is_an_ordinary_one() -> None:
    calls = iter(range(10))
    count = Recorded(lambda: next(calls), torch.device("cpu"))
    assert [count() for _ in range(5)] == [0, 1, 2, 3, 4]
