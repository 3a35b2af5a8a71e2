"""What a metric is: one class that says what it measures, loads what it needs, and measures."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from typing import Any, ClassVar, Literal, get_args

from smmbench.metrics.measure import Measured, Task
from smmbench.metrics.resources import Resources

Need = Literal["tracks", "text-model", "source-prompt", "flow", "weights"]

# Names of the attributes that every metric gives, as `Metric` describes them.
_REQUIRED = [
    "name",
    "version",
    "title",
    "description",
    "higher_is_better",
    "minimum",
    "maximum",
    "worst",
]


class Metric(ABC):
    """A number that a video is given.

    A subclass sets the class attributes, and is offered by the entry point `smmbench.metrics`
    under its name. Importing it loads no model: `__init__` does that, once for all videos.

    Attributes:
        name: As in `scores.json` and the columns of tables.
        version: Raised whenever the same input would give another number.
        title: Name in words.
        description: What it says, in one sentence.
        higher_is_better: Which way is better.
        minimum: Smallest possible value.
        maximum: Largest possible value.
        unit: Of the value; empty for none.
        worst: What a pair without a video counts: no video may score less.
        needs: What must be had to compute it; says which parts of the protocol it depends on.
        source: Whose definition it is.
        extra: Computed only if it is asked for by its name.
        order: Place among the columns of a table; those of one place stand by name.

    Raises:
        TypeError: A subclass that is not abstract lacks one of these, or needs an unknown thing.
        ValueError: Its worst value lies outside of its range.
    """

    name: ClassVar[str]
    version: ClassVar[int]
    title: ClassVar[str]
    description: ClassVar[str]
    higher_is_better: ClassVar[bool]
    minimum: ClassVar[float]
    maximum: ClassVar[float]
    worst: ClassVar[float]
    unit: ClassVar[str] = ""
    needs: ClassVar[tuple[Need, ...]] = ()
    source: ClassVar[str] = ""
    extra: ClassVar[bool] = False
    order: ClassVar[int] = 1000

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if not inspect.isabstract(cls):
            _check(cls)

    def __new__(cls, *args: Any, **described: Any) -> Any:
        """Make a metric; `Metric(name=..., loader=...)`, its first form, still gives a class."""
        if cls is Metric:
            from smmbench.metrics.described import described_metric

            return described_metric(*args, **described)
        return super().__new__(cls)

    def __init__(self, resources: Resources) -> None:
        """Load what the metric needs.

        Args:
            resources: What all metrics of one dataset share.

        Raises:
            ImportError: A package that it needs is not installed.
            OSError: Weights that it needs cannot be had here.
            ValueError: Something else that it needs is missing; the message says what.
        """
        self.resources = resources

    def origin(self, task: Task) -> dict[str, Any]:
        """What the number depends on besides output, prompt and protocol, as JSON has it.

        What of it belongs to one clip (its depth, its mask) goes under the key `pair`: it must be
        the same for all methods of a pair, and all else for a whole column.
        """
        return {}

    @abstractmethod
    def measure(self, task: Task) -> Measured:
        """Compute the number of one video.

        Raises:
            ValueError: This video has no number; the message says why.
        """

    @classmethod
    def describe(cls) -> dict[str, Any]:
        """What the metric says of itself, by attribute; `code` is where its class is."""
        names = (*_REQUIRED, "unit", "needs", "source", "extra")
        described = {name: getattr(cls, name) for name in names}
        return described | {"code": f"{cls.__module__}:{cls.__qualname__}"}


def _check(cls: type[Metric]) -> None:
    missing = [name for name in _REQUIRED if not hasattr(cls, name)]
    if missing:
        raise TypeError(f"The metric {cls.__qualname__} does not say its {', '.join(missing)}.")
    if unknown := sorted(set(cls.needs) - set(get_args(Need))):
        raise TypeError(
            f"Metric '{cls.name}' needs {', '.join(unknown)}; known needs are "
            f"{', '.join(get_args(Need))}."
        )
    if not cls.minimum <= cls.worst <= cls.maximum:
        raise ValueError(
            f"The worst value of metric '{cls.name}' lies in its range, from {cls.minimum:g} "
            f"to {cls.maximum:g}, got {cls.worst:g}."
        )
