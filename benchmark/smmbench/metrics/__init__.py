"""Metrics: one a file, with its formula as a pure function on arrays and the class that scores.

`Metric` is what a metric is, and `Resources` what it may ask for; `smmbench.scoring` loads that
and finds metrics by the entry point `smmbench.metrics`. Nothing here imports `smmbench.scoring`.
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
