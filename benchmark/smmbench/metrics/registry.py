"""Finding metrics by their names: ours and those of other distributions, by entry point."""

from __future__ import annotations

import importlib
import warnings
from functools import cache
from typing import TYPE_CHECKING

from smmbench.metrics.catalogue import OURS
from smmbench.metrics.definition import Metric
from smmbench.plugins import load_offered, no_such, offered

if TYPE_CHECKING:
    from smmbench.scoring.measure import Measure
    from smmbench.scoring.resources import Resources

GROUP = "smmbench.metrics"  # name of a metric = where its `Metric` is


@cache
def all_metrics() -> tuple[Metric, ...]:
    """Every metric that is installed: ours in the order of the columns, then others by name.

    One that does not load, or is not what its name says, is left out with a warning.
    """
    found: dict[str, Metric] = {}
    for name in offered(GROUP):
        try:
            found[name] = _offered(name)
        except (ImportError, TypeError, ValueError) as error:
            warnings.warn(f"The metric '{name}' is left out: {error}", stacklevel=2)
    order = [known.name for known in OURS]
    names = sorted(found, key=lambda name: order.index(name) if name in order else len(order))
    return tuple(found[name] for name in names)


def metric(name: str) -> Metric:
    """The metric of that name.

    Raises:
        LookupError: There is none; the message lists what there is.
    """
    for known in all_metrics():
        if known.name == name:
            return known
    raise LookupError(no_such("metric", name, [known.name for known in all_metrics()]))


def metric_names() -> tuple[str, ...]:
    """Names of the metrics that are computed if none is named, in the order of the columns."""
    return tuple(known.name for known in all_metrics() if not known.extra)


def load_measure(wanted: Metric, resources: Resources) -> Measure:
    """Load what computes a metric.

    Raises:
        ImportError: Its code does not load, or needs a package that is not installed.
        OSError: Weights cannot be had here.
        ValueError: What it needs is missing; the message says what.
    """
    module, _, function = wanted.loader.partition(":")
    load = getattr(importlib.import_module(module), function, None)
    if load is None:
        raise ImportError(f"'{module}' has no '{function}', which shall load '{wanted.name}'.")
    measure: Measure = load(wanted, resources)
    return measure


def _offered(name: str) -> Metric:
    found = load_offered(GROUP, name, "metric")
    if not isinstance(found, Metric):
        raise TypeError(f"it is no `smmbench.metrics.Metric` but a {type(found).__name__}.")
    if found.name != name:
        raise ValueError(f"it is offered under this name and calls itself '{found.name}'.")
    return found
