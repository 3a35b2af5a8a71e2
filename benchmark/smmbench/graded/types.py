"""What is known of some videos, whatever it is known from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from smmbench.dataset import Protocol
from smmbench.video import Video

Kind = Literal["triplets", "ratings", "known motion"]
Dimension = Literal["quality", "alignment", "structure"]
Load = Callable[[], Video]


@dataclass(frozen=True)
class GradedVideo:
    """One video that a metric scores against its source.

    Attributes:
        prompt: What it should show; empty where there is no prompt.
        load: Reads or renders it, in the form of its source.
        rating: Of people, higher is better; None where an order alone is known.
    """

    prompt: str
    load: Load = field(repr=False)
    rating: float | None = None


@dataclass(frozen=True)
class Order:
    """Of two videos of one source, which is the better one.

    Attributes:
        better: Name of the video that a good metric prefers.
        worse: Name of the other.
        kind: What they differ in, such as `delay`; agreement is reported by kind.
    """

    better: str
    worse: str
    kind: str


@dataclass(frozen=True)
class GradedSource:
    """A source with the videos that are compared with it, and their order.

    Attributes:
        name: Unique among the sources; a name as manifests take it.
        cluster: Sources of one cluster are not independent: intervals are over clusters.
        protocol: Form of the videos, tracker and text model.
        load: Gives the source; None where its video is not here.
        videos: By name.
        orders: Known orders of two of them.
        prompt: What the source shows; empty for unknown.
        arrays: True `tracks` and `visible`, and true `masks`, as a dataset's files hold them.
    """

    name: str
    cluster: str
    protocol: Protocol
    load: Load | None = field(repr=False)
    videos: Mapping[str, GradedVideo] = field(repr=False)
    orders: tuple[Order, ...] = field(repr=False)
    prompt: str = ""
    arrays: Mapping[str, np.ndarray] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Graded:
    """Sources with videos whose order is known.

    Attributes:
        name: Of the data: `emoji`, `simmotion-real`, `tdve-db`.
        kind: What the order is known from.
        sources: With their videos.
        positive: Name of the video of each source that has its motion; empty if there is none.
        negatives: Names of videos that have another motion; with `positive` they give the area
            under the curve.
        controls: Names of videos that no good metric puts near `positive`.
        notes: What a reader must know of the data, a sentence each.
    """

    name: str
    kind: Kind
    sources: tuple[GradedSource, ...] = field(repr=False)
    positive: str = ""
    negatives: tuple[str, ...] = ()
    controls: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
