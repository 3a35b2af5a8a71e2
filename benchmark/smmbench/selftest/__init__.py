"""Self-test: check on the embedded world that controls score as expected.

with TemporaryDirectory() as folder:
    for finding in examine(Path(folder)):
        print(finding.check, finding.holds, finding.found)
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from smmbench.selftest.anchors import ANCHORS
from smmbench.selftest.finding import Finding, tried
from smmbench.selftest.sameness import (
    any_batch_size,
    any_shards,
    reencoded_copies,
    repeated_scoring,
)
from smmbench.selftest.standing import CONTROLS, make_controls, means_of, score_all

__all__ = ["Finding", "examine"]


def examine(folder: Path, quick: bool = False) -> Iterator[Finding]:
    """Run the controls on a few clips, score them, and run every check.

    Args:
        folder: An empty folder for videos, scores and caches.
        quick: Without the controls that need the embedded text-to-video model, and their checks.
    """
    results = folder / "results"
    there = [control for control in CONTROLS if not (quick and control.model)]
    make_controls(there, results)
    means = means_of(score_all(results, folder / "home"))
    for check in ANCHORS:
        if set(check.controls) <= {control.name for control in there}:
            yield tried(check.name, check.statement, partial(check.faults, means))
    yield tried(*repeated_scoring(results, folder))
    yield tried(*reencoded_copies(results, folder))
    yield tried(*any_shards(results, folder))
    yield tried(*any_batch_size())
