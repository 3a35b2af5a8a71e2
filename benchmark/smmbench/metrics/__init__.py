"""Metrics: pure functions on arrays, one a file, and the table of what there is."""

from smmbench.metrics.definition import Metric
from smmbench.metrics.registry import all_metrics, metric, metric_names

__all__ = ["Metric", "all_metrics", "metric", "metric_names"]
