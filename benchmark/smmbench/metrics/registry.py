"""The metrics that there are: what each number is, and which way is better."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from smmbench.plugins import no_such

Need = Literal["tracks", "text-model"]


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
        needs: What must be had to compute it.
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
    extra: bool = False


def _legacy(name: str, project: str, minimum: float = -1.0) -> Metric:
    return Metric(
        name=f"motion_fidelity_{name}",
        version=1,
        title=f"Motion fidelity by {project}'s script",
        description=f"What {project}'s script gives for these tracks, none where it gives NaN; "
        "for reading published numbers.",
        higher_is_better=True,
        minimum=minimum,
        maximum=1.0,
        unit="",
        worst=minimum,
        needs=("tracks",),
        extra=True,
    )


METRICS = (
    Metric(
        name="text_similarity",
        version=1,
        title="CLIP text similarity",
        description="Mean over frames of the cosine between embeddings of frame and prompt.",
        higher_is_better=True,
        minimum=-1.0,
        maximum=1.0,
        unit="",
        worst=-1.0,
        needs=("text-model",),
    ),
    Metric(
        name="motion_fidelity",
        version=2,
        title="Motion fidelity",
        description="Mean, over both directions, of how well the moving tracks of one clip are "
        "found in the other; blind to speed.",
        higher_is_better=True,
        minimum=-1.0,
        maximum=1.0,
        unit="",
        worst=-1.0,
        needs=("tracks",),
    ),
    _legacy("dmt", "DMT"),
    _legacy("ditflow", "DiTFlow"),
    _legacy("five", "FiVE-Bench"),
    _legacy("det", "DeT"),
    _legacy("ivebench", "IVEBench", minimum=0.0),
)


def metric(name: str) -> Metric:
    """The metric of that name.

    Raises:
        LookupError: There is none; the message lists what there is.
    """
    for known in METRICS:
        if known.name == name:
            return known
    raise LookupError(no_such("metric", name, [known.name for known in METRICS]))


def metric_names() -> tuple[str, ...]:
    """Names of the metrics that are computed if none is named, in the order of the columns."""
    return tuple(known.name for known in METRICS if not known.extra)
