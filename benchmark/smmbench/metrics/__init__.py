"""Metrics: one per file, with the formula as a pure function on arrays and a class that scores.

`Metric` is the interface of a metric, and `Resources` provides what a metric may need.
`smmbench.scoring` loads these resources and finds metrics by the entry point `smmbench.metrics`.
Nothing here imports `smmbench.scoring`.
"""

from smmbench.metrics.definition import Metric
from smmbench.metrics.measure import Measured, Task
from smmbench.metrics.registry import all_metrics, metric, metric_names
from smmbench.metrics.resources import HubModel, Resources

__all__ = [
    "HubModel",
    "Measured",
    "Metric",
    "Resources",
    "Task",
    "all_metrics",
    "metric",
    "metric_names",
]
