"""Finding metrics by their names: ours and those of other distributions, by entry point."""

from __future__ import annotations

import warnings
from functools import cache
from typing import Any

from smmbench.metrics.definition import Metric
from smmbench.plugins import load_offered, no_such, offered

GROUP = "smmbench.metrics"  # name of a metric = where its class is


@cache
def all_metrics() -> tuple[type[Metric], ...]:
    """Every metric that is installed, in the order of the columns.

    One that does not load, or is not what its name says, is left out with a warning.
    """
    found: list[type[Metric]] = []
    for name in offered(GROUP):
        try:
            found.append(_offered(name))
        except (ImportError, TypeError, ValueError) as error:
            warnings.warn(f"The metric '{name}' is left out: {error}", stacklevel=2)
    return tuple(sorted(found, key=lambda known: (known.order, known.name)))


def metric(name: str) -> type[Metric]:
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


def _offered(name: str) -> type[Metric]:
    found = load_offered(GROUP, name, "metric")
    if not (isinstance(found, type) and issubclass(found, Metric)):
        raise TypeError(f"it is no class of `smmbench.metrics.Metric` but a {_kind(found)}.")
    if found.name != name:
        raise ValueError(f"it is offered under this name and calls itself '{found.name}'.")
    return found


def _kind(found: Any) -> str:
    return f"class {found.__name__}" if isinstance(found, type) else type(found).__name__
