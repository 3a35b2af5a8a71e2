"""The interface of a metric: one class that describes, loads and measures."""

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
    """Base class of metrics; a metric assigns a number to a video.

    A subclass sets the class attributes and is registered under the entry point `smmbench.metrics`
    by its name. Importing it loads no model; `__init__` does, once for all videos.

    Attributes:
        name: Name in `scores.json` and in the columns of tables.
        version: Version, raised whenever the same input would give a different number.
        title: Human-readable name.
        description: What it measures, in one sentence.
        higher_is_better: Whether a higher value is better.
        minimum: Smallest possible value.
        maximum: Largest possible value.
        unit: Unit of the value; empty if it has none.
        worst: Value of a pair without a video; no video may score worse.
        needs: Resources it needs, which determine the parts of the protocol it depends on.
        source: Publication that defines it.
        caution: Reason why it must not rank methods, which boards show as a note; empty for none.
        extra: Whether it is computed only if requested by name.
        order: Position among the columns of a table; equal positions are sorted by name.

    Raises:
        TypeError: A concrete subclass lacks one of these, or needs an unknown resource.
        ValueError: Its worst value lies outside its range.
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
    caution: ClassVar[str] = ""
    extra: ClassVar[bool] = False
    order: ClassVar[int] = 1000

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if not inspect.isabstract(cls):
            _check(cls)

    def __new__(cls, *args: Any, **described: Any) -> Any:
        """Create a metric; the legacy form `Metric(name=..., loader=...)` still returns a class."""
        if cls is Metric:
            from smmbench.metrics.described import described_metric

            return described_metric(*args, **described)
        return super().__new__(cls)

    def __init__(self, resources: Resources) -> None:
        """Load what the metric needs.

        Args:
            resources: Resources shared by all metrics of a dataset.

        Raises:
            ImportError: A package that it needs is not installed.
            OSError: Weights that it needs are not available.
            ValueError: Another resource is missing; the message names it.
        """
        self.resources = resources

    def origin(self, task: Task) -> dict[str, Any]:
        """Return what the number depends on besides output, prompt and protocol, as JSON values.

        What belongs to one clip (its depth, its mask) goes under the key `pair`: it must be the
        same for all methods of a pair, and everything else for a whole column.
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
        """Return the metric's attributes by name; `code` is the location of its class."""
        names = (*_REQUIRED, "unit", "needs", "source", "caution", "extra")
        described = {name: getattr(cls, name) for name in names}
        return described | {"code": f"{cls.__module__}:{cls.__qualname__}"}


def _check(cls: type[Metric]) -> None:
    missing = [name for name in _REQUIRED if not hasattr(cls, name)]
    if missing:
        raise TypeError(f"The metric {cls.__qualname__} does not define {', '.join(missing)}.")
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
