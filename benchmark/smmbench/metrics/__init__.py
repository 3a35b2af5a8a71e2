"""Metrics: pure functions on arrays, one a file, and the table of what there is."""

from smmbench.metrics.registry import METRICS, Metric, metric, metric_names

__all__ = ["METRICS", "Metric", "metric", "metric_names"]
