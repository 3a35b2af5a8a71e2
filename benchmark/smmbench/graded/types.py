"""Graded videos: what is known about them, whatever the source of that knowledge."""

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
        prompt: What it should show; empty if there is no prompt.
        load: Reads or renders it, in the form of its source.
        rating: Rating by people, higher is better; None if only an order is known.
    """

    prompt: str
    load: Load = field(repr=False)
    rating: float | None = None


@dataclass(frozen=True)
class Order:
    """The better one of two videos of the same source.

    Attributes:
        better: Name of the video that a good metric prefers.
        worse: Name of the other.
        kind: How they differ, such as `delay`; agreement is reported by kind.
    """

    better: str
    worse: str
    kind: str


@dataclass(frozen=True)
class GradedSource:
    """A source with the videos that are compared with it, and their order.

    Attributes:
        name: Unique among the sources; a valid name for manifests.
        cluster: Sources of the same cluster are not independent: intervals are over clusters.
        protocol: Form of the videos, tracker and text model.
        load: Returns the source; None if its video is not available.
        videos: Videos by name.
        orders: Known orders of two of them.
        prompt: Caption of the source; empty if unknown.
        arrays: Ground-truth `tracks`, `visible` and `masks`, in the format of a dataset's files.
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
        name: Name of the data: `emoji`, `simmotion-real`, `tdve-db`.
        kind: How the order is known.
        sources: The sources, with their videos.
        positive: Name of the video of each source that has its motion; empty if there is none.
        negatives: Names of videos that have another motion; with `positive` they give the area
            under the curve.
        controls: Names of videos that no good metric rates close to `positive`.
        notes: What a reader must know about the data, one sentence each.
    """

    name: str
    kind: Kind
    sources: tuple[GradedSource, ...] = field(repr=False)
    positive: str = ""
    negatives: tuple[str, ...] = ()
    controls: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
