"""Passes of a frozen network, recorded once as CUDA graphs and then replayed.

A pass of ZeroScope launches over 1,600 kernels, and Python takes longer to launch them than a
large GPU takes to run them. A replay needs one launch. The kernels and their order are the same,
and so are the results.

The first pass of a kind (what is computed, shapes, with or without a gradient) runs normally, the
second is recorded, and all later ones are replayed. Anything that a recording could miss runs
normally: layers that have hooks, are trained or come from unknown packages, and a pass that falls
between another one and its gradient.
"""

from __future__ import annotations

import gc
import os
import warnings
import weakref
from collections.abc import Callable, Hashable, Iterable, Sequence
from functools import cache
from typing import Any, Protocol, TypeVar, runtime_checkable

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.modules import module as all_modules

SWITCH = "SMMBENCH_CUDA_GRAPHS"
"""Environment variable; 0 runs every pass without recording it."""

KNOWN = ("torch", "diffusers", "smmbench")
"""Packages whose layers do the same at each pass; others may count, store or change values."""

Outputs = tuple[Tensor, ...]
Work = Callable[..., Outputs]
"""A pass: takes latents, a timestep as a tensor and text states, and returns the outputs."""
ResultT = TypeVar("ResultT")


@runtime_checkable
class Tape(Protocol):
    """How work runs when it could be recorded, and how it is recorded."""

    def run(self, work: Callable[[], ResultT]) -> ResultT:
        """Run work without recording it."""

    def record(self, work: Callable[[], ResultT]) -> tuple[Callable[[], None], ResultT]:
        """Record work; each replay overwrites the result in place."""

    def close(self) -> None:
        """Release the memory of the recordings; none of it is needed any more."""


class CudaTape:
    """Records on a stream of its own; all recordings share one memory pool.

    One pass may therefore overwrite the memory of the previous one: the caller makes sure that
    nothing of a pass is needed once another one runs.
    """

    def __init__(self, device: torch.device) -> None:
        self._device, self._stream = device, _stream(device)
        with torch.cuda.device(device):
            self._pool = torch.cuda.graph_pool_handle()

    def run(self, work: Callable[[], ResultT]) -> ResultT:
        """Run work on the stream of the recordings, which initialises libraries for it."""
        with torch.cuda.device(self._device):
            now = torch.cuda.current_stream()
            self._stream.wait_stream(now)
            with torch.cuda.stream(self._stream):
                result = work()
            now.wait_stream(self._stream)
        return result

    def record(self, work: Callable[[], ResultT]) -> tuple[Callable[[], None], ResultT]:
        """Record work as a graph."""
        with torch.cuda.device(self._device):
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph, pool=self._pool, stream=self._stream):
                result = work()
        return graph.replay, result

    def close(self) -> None:
        """Return the memory of the recordings to the device."""
        torch.cuda.empty_cache()


@cache
def _stream(device: torch.device) -> torch.cuda.Stream:
    """One stream for all recordings: libraries keep a workspace for each stream they have used."""
    with torch.cuda.device(device):
        return torch.cuda.Stream()


class Graphs:
    """The recorded passes of one network.

    Args:
        network: Frozen; its passes are the work.
        tape: Creates a tape; called again whenever all recordings have been dropped.
    """

    def __init__(self, network: nn.Module, tape: Callable[[], Tape]) -> None:
        self._network, self._new_tape = network, tape
        self._tape: Tape | None = None
        self._passes: dict[Hashable, _Forward | _Gradient | None] = {}
        self._weights = 0
        self._waits: Callable[[], object] = lambda: None  # for the gradient of a replay
        self._works = True

    def __call__(self, kind: Hashable, work: Work, x: Tensor, t: Tensor, text: Tensor) -> Outputs:
        """Do the work, by a replay where that gives the same result.

        Args:
            kind: Identifies the work; the same work must always be passed with the same kind.
            work: A pass of x, t and text.
            x: Latents; a gradient with respect to them may be requested.
            t: Timestep, on the same device.
            text: Text states.
        """
        inputs, differentiable = (x, t, text), torch.is_grad_enabled() and x.requires_grad
        if not self._works or not self._recordable(text) or self._waits() is not None:
            return work(*inputs)
        shapes = tuple((tuple(one.shape), one.dtype) for one in inputs)
        key = (kind, differentiable, shapes)
        if self._tape is None:
            self._tape = self._new_tape()
        if key not in self._passes:
            self._passes[key] = None
            return self._tape.run(lambda: work(*inputs))
        recorded = self._passes[key] or self._record(key, work, inputs, differentiable)
        if recorded is None:
            return work(*inputs)
        if isinstance(recorded, _Gradient):
            found: Outputs = _Replayed.apply(self, recorded, *inputs)
            return found
        return recorded(inputs)

    def forget(self) -> None:
        """Release the memory of all recordings; they are recorded again when they are needed."""
        recorded = [weakref.ref(one) for one in self._passes.values() if one is not None]
        self._passes.clear()
        if any(one() is not None for one in recorded):
            gc.collect()  # the traceback of a stopped pass may keep frames alive
        if self._tape is not None:
            self._tape.close()
        self._tape = None

    def stop(self) -> None:
        """Drop all recordings and make no more."""
        self._works = False
        self.forget()

    def wait_for(self, gradient: object) -> None:
        """Keep the memory of the last replay until `gradient` is freed or `waited` is called."""
        self._waits = weakref.ref(gradient)

    def waited(self) -> None:
        """Note that the gradient has been computed."""
        self._waits = lambda: None

    def _record(
        self, key: Hashable, work: Work, inputs: Sequence[Tensor], differentiable: bool
    ) -> _Forward | _Gradient | None:
        assert self._tape is not None
        try:
            made = (_Gradient if differentiable else _Forward)(self._tape, work, inputs)
        except torch.cuda.OutOfMemoryError:
            self.forget()
            raise
        except RuntimeError as error:
            if isinstance(error.__context__, torch.cuda.OutOfMemoryError):
                self.forget()  # a recording that ran out of memory ends in an error of its own
                raise error.__context__ from None
            self.stop()
            warnings.warn(
                f"This network cannot be recorded as a CUDA graph and runs without one, slower: "
                f"{str(error).splitlines()[0]} ({SWITCH}=0 switches recording off.)",
                stacklevel=3,
            )
            return None
        self._passes[key] = made
        return made

    def _recordable(self, text: Tensor) -> bool:
        """Whether a recording would see everything that a pass does now."""
        if all_modules._global_forward_hooks or all_modules._global_forward_pre_hooks:
            return False
        if text.requires_grad or torch.is_autocast_enabled(text.device.type):
            return False
        weights = 0
        for part in self._network.modules():
            if part._forward_hooks or part._forward_pre_hooks or not _known(part):
                return False
            processor, forward = part.__dict__.get("processor"), part.__dict__.get("forward")
            weights = hash((weights, type(part), id(processor), id(forward), part.training))
            for weight in part._parameters.values():
                if weight is not None:
                    if weight.requires_grad:
                        return False
                    weights = hash((weights, weight.data_ptr(), weight.dtype))
        if weights != self._weights:  # not those that were recorded
            self.forget()
            self._weights = weights
        return True


def _known(part: nn.Module) -> bool:
    """Whether a layer, its attention processor and a replaced `forward` come from `KNOWN`."""
    own = part.__dict__
    things = type(part), type(own.get("processor")), own.get("forward", _known)
    return all(thing.__module__.partition(".")[0] in (*KNOWN, "builtins") for thing in things)


def graphs_of(network: nn.Module) -> Graphs | None:
    """Recordings of a network on a GPU; None on another device or if they are switched off."""
    device = next(network.parameters()).device
    if device.type != "cuda" or os.environ.get(SWITCH) == "0":
        return None
    return Graphs(network, lambda: CudaTape(device))


# Recorded passes ----------------------------------------------------------------------------------


class _Forward:
    """A pass without a gradient."""

    def __init__(self, tape: Tape, work: Work, inputs: Sequence[Tensor]) -> None:
        self._inputs = _own(inputs)
        with torch.no_grad():
            self._replay, self._outputs = tape.record(lambda: work(*self._inputs))

    def __call__(self, inputs: Sequence[Tensor]) -> Outputs:
        _write(self._inputs, inputs)
        self._replay()
        return _own(self._outputs)


class _Gradient:
    """A pass, and the gradient of its outputs with respect to its first input."""

    def __init__(self, tape: Tape, work: Work, inputs: Sequence[Tensor]) -> None:
        self._inputs = _own(inputs)
        x = self._inputs[0].requires_grad_()
        with torch.enable_grad():
            self._forward, outputs = tape.record(lambda: work(*self._inputs))
            self._slopes = tuple(torch.zeros_like(one) for one in outputs)
            self._backward, (self._slope,) = tape.record(
                lambda: torch.autograd.grad(outputs, x, self._slopes)
            )
        self._outputs = tuple(one.detach() for one in outputs)

    def forward(self, inputs: Sequence[Tensor]) -> Outputs:
        with torch.no_grad():
            _write(self._inputs, inputs)
            self._forward()
            return _own(self._outputs)

    def backward(self, slopes: Iterable[Tensor]) -> Tensor:
        _write(self._slopes, slopes)
        self._backward()
        return self._slope.clone()


class _Replayed(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, graphs: Graphs, recorded: _Gradient, *inputs: Tensor) -> Outputs:
        ctx.graphs, ctx.recorded = graphs, recorded
        outputs = recorded.forward(inputs)
        graphs.wait_for(ctx)
        return outputs

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor | None, ...]:
        if ctx.recorded is None:
            raise RuntimeError("A replayed pass gives its gradient once; run the pass again.")
        found = ctx.recorded.backward(slopes)
        ctx.recorded = None
        ctx.graphs.waited()
        return None, None, found, None, None


def _own(tensors: Iterable[Tensor]) -> Outputs:
    return tuple(one.detach().clone() for one in tensors)


def _write(to: Iterable[Tensor], tensors: Iterable[Tensor]) -> None:
    for mine, new in zip(to, tensors, strict=True):
        mine.copy_(new)
