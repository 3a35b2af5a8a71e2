"""Support for metrics in the form of smmbench 0.1.0: a description that names a loader."""

from __future__ import annotations

import importlib
import warnings
from abc import ABCMeta
from typing import Any, ClassVar, cast

from smmbench.metrics.definition import Metric
from smmbench.metrics.measure import Measured, Task
from smmbench.metrics.resources import Resources


def described_metric(*, loader: str, **description: Any) -> type[Metric]:
    """Create a class from a description.

    Args:
        loader: `package.module:function`, a function of the metric and its resources that returns
                    an object with `origin(task)` and `measure(task)`.
        description: The attributes of `Metric`, by name.

    Raises:
        ValueError: The loader is not of that form, or as `Metric`.
    """
    module, _, function = loader.partition(":")
    if not module or not function:
        raise ValueError(
            f"The loader of metric '{description.get('name')}' is named as "
            f"package.module:function, got '{loader}'."
        )
    warnings.warn(
        "A metric is a subclass of `smmbench.metrics.Metric`; a description with a loader is its "
        "first form.",
        DeprecationWarning,
        stacklevel=3,
    )

    said = {"__module__": module, "__qualname__": function, "_loader": (module, function)}
    return cast(type[Metric], ABCMeta(function, (_Loaded, Metric), description | said))


class _Loaded:
    _loader: ClassVar[tuple[str, str]]
    name: ClassVar[str]

    def __init__(self, resources: Resources) -> None:
        module, function = self._loader
        load = getattr(importlib.import_module(module), function, None)
        if load is None:
            raise ImportError(f"'{module}' has no '{function}', which loads '{self.name}'.")
        self._measure = load(type(self), resources)

    def origin(self, task: Task) -> dict[str, Any]:
        origin: dict[str, Any] = self._measure.origin(task)
        return origin

    def measure(self, task: Task) -> Measured:
        measured: Measured = self._measure.measure(task)
        return measured
