"""What a metric says of itself; the same for ours and for those of other distributions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Need = Literal["tracks", "text-model", "source-prompt", "flow", "weights"]


@dataclass(frozen=True)
class Metric:
    """A number that a video is given.

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
        loader: Where it is computed, `package.module:function`: a function of this description
            and `Resources` that gives a `Measure`. It is imported when it is needed.
        source: Whose definition it is.
        extra: Computed only if it is asked for by its name.
    """

    name: str
    version: int
    title: str
    description: str
    higher_is_better: bool
    minimum: float
    maximum: float
    unit: str
    worst: float
    needs: tuple[Need, ...]
    loader: str
    source: str = ""
    extra: bool = False

    def __post_init__(self) -> None:
        if not self.minimum <= self.worst <= self.maximum:
            raise ValueError(
                f"The worst value of metric '{self.name}' lies in its range, from {self.minimum:g} "
                f"to {self.maximum:g}, got {self.worst:g}."
            )
        module, _, function = self.loader.partition(":")
        if not module or not function:
            raise ValueError(
                f"The loader of metric '{self.name}' is named as package.module:function, "
                f"got '{self.loader}'."
            )
