"""Compare metrics with data of any kind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from smmbench.graded import Dimension, Graded, find_graded
from smmbench.graded.tdve_db import Part
from smmbench.metrics.registry import metric
from smmbench.scoring.options import Options
from smmbench_leaderboard.board.types import Bootstrap
from smmbench_leaderboard.validation.graded import validate_graded
from smmbench_leaderboard.validation.people import validate_people
from smmbench_leaderboard.validation.types import Validation


@dataclass(frozen=True)
class Wanted:
    """What to compare metrics with, and how.

    Attributes:
        data: A CSV file of choices or ratings; a world whose true motion is known, such as
            `emoji`; or a folder in the layout of SimMotion or TDVE-DB.
        results: For a CSV file: the results folder, whose videos have been scored.
        dataset: For a CSV file: name or manifest path of the dataset, if there are several.
        allowed: Controls that the metrics should rank high.
        dimension: For TDVE-DB: what people rated. None selects structure for metrics that compare
            with the source's motion, and alignment with the prompt for all others.
        part: For TDVE-DB: which split.
        limit: Maximum number of sources per family of motion or category, or of prompts.
        options: Tracker, text model and device, if videos are scored here.
        bootstrap: Settings of the intervals.
    """

    data: str
    results: Path = Path("results")
    dataset: str | None = None
    allowed: tuple[str, ...] = ()
    dimension: Dimension | None = None
    part: Part = "test"
    limit: int | None = None
    options: Options = field(default_factory=Options)
    bootstrap: Bootstrap | None = None


def validate(
    names: Sequence[str],
    wanted: Wanted,
    begin: Callable[[Graded], Callable[[str], None]] = lambda _: lambda _: None,
) -> list[Validation]:
    """Compare metrics with data.

    Args:
        names: Names of the metrics.
        wanted: The data.
        begin: Called with graded videos before they are scored; the function that it returns is
            called after each source with its name.

    Raises:
        LookupError: There is no such metric, tracker or text model.
        ValueError: The data is of an unknown kind or malformed, or no choice counts.
    """
    path = Path(wanted.data).expanduser()
    if path.is_file():
        return [
            validate_people(
                name, path, wanted.results, wanted.dataset, wanted.allowed, wanted.bootstrap
            )
            for name in names
        ]
    found: list[Validation] = []
    by_dimension: dict[Dimension, list[str]] = {}
    for name in names:
        by_dimension.setdefault(wanted.dimension or _dimension(name), []).append(name)
    graded: Graded | None = None
    for dimension, some in by_dimension.items():
        if graded is None or graded.kind == "ratings":
            graded = find_graded(wanted.data, dimension, wanted.part, wanted.limit)
        found += validate_graded(
            some, graded, wanted.options, wanted.allowed, wanted.bootstrap, begin(graded)
        )
    return sorted(found, key=lambda one: list(names).index(one.metric))


def _dimension(name: str) -> Dimension:
    compares = {"tracks", "flow"} & set(metric(name).needs)
    return "structure" if compares else "alignment"
