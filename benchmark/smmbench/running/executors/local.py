"""Execution in this process, one batch after the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from smmbench.results import RunRecord
from smmbench.running.job import Job
from smmbench.running.maker import Maker
from smmbench.running.pairs import Pair


def execute(job: Job, groups: Sequence[Sequence[Pair]]) -> Iterator[RunRecord]:
    """Generate the videos of groups of pairs, each of one clip; yield each record once written."""
    yield from Maker(job).make([pair for group in groups for pair in group])
