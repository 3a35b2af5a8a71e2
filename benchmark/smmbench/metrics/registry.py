"""Metrics by name: ours and those of other distributions, found by entry point."""

from __future__ import annotations

import warnings
from functools import cache
from typing import Any

from smmbench.metrics.definition import Metric
from smmbench.plugins import load_offered, no_such, offered

GROUP = "smmbench.metrics"  # name of a metric = where its class is


@cache
def all_metrics() -> tuple[type[Metric], ...]:
    """Return every installed metric, in the order of the columns.

    A metric that does not load, or whose name does not match, is skipped with a warning.
    """
    found: list[type[Metric]] = []
    for name in offered(GROUP):
        try:
            found.append(_offered(name))
        except (ImportError, TypeError, ValueError) as error:
            warnings.warn(f"The metric '{name}' is skipped: {error}", stacklevel=2)
    return tuple(sorted(found, key=lambda known: (known.order, known.name)))


def metric(name: str) -> type[Metric]:
    """Return the metric with the given name.

    Raises:
        LookupError: There is no such metric; the message lists the installed ones.
    """
    for known in all_metrics():
        if known.name == name:
            return known
    raise LookupError(no_such("metric", name, [known.name for known in all_metrics()]))


def metric_names() -> tuple[str, ...]:
    """Names of the metrics that are computed by default, in the order of the columns."""
    return tuple(known.name for known in all_metrics() if not known.extra)


def _offered(name: str) -> type[Metric]:
    found = load_offered(GROUP, name, "metric")
    if not (isinstance(found, type) and issubclass(found, Metric)):
        raise TypeError(f"it is a {_kind(found)} and not a subclass of `smmbench.metrics.Metric`.")
    if found.name != name:
        raise ValueError(f"it is registered under this name but its `name` is '{found.name}'.")
    return found


def _kind(found: Any) -> str:
    return f"class {found.__name__}" if isinstance(found, type) else type(found).__name__
