"""The report of `smmbench tracker-agreement`: would another tracker order the methods differently?

Only videos that every tracker could score are compared, of pairs that every method has, because
means over different pairs are not comparable. The notes list what is left out.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from jaxtyping import Float
from pydantic import Field

from smmbench.plugins import no_such
from smmbench.rank_intervals import rank_intervals
from smmbench.results import Stored
from smmbench.scoring.counting import Key
from smmbench.statistics import mean_interval
from smmbench_leaderboard.board.rank_correlation import (
    FEWEST_METHODS,
    Correlation,
    kendall,
    of_means,
    of_pairs,
    spearman,
)
from smmbench_leaderboard.board.selectivity_report import MOVING_CAMERA
from smmbench_leaderboard.board.tracker_table import TrackerTable, require_comparable
from smmbench_leaderboard.board.types import Bootstrap

LEAST_SHARE = 0.5
"""Share of the pairs for which a method needs scores to be compared."""

SHOWN = 10
"""Number of videos and clips that a report names, those on which two trackers differ most."""

Numbers = Float[np.ndarray, "methods pairs"]


class BoardRow(Stored):
    """The scores of one method under every tracker.

    Attributes:
        label: Label of the method.
        kind: `method`, `baseline` or `control`.
        mean: Motion fidelity, by tracker.
        interval: 95 % interval over clips, by tracker; missing with one clip.
        rank: 1 for the highest mean, by tracker; equal means share the best rank.
    """

    label: str
    kind: str
    mean: dict[str, float]
    interval: dict[str, tuple[float, float]]
    rank: dict[str, int]


class Part(Stored):
    """Agreement of two trackers on some of the clips."""

    of: str  # camera, motion
    name: str
    clips: int
    pairs: int  # of clip, prompt and seed
    kendall: float | None  # of the methods' means on this part
    difference: float  # mean absolute difference of the two scores of a video


class Parted(Stored):
    """A video, or all videos of a clip, and how much two trackers differ on it."""

    clip: str
    method: str = ""  # empty for a whole clip
    edit: str = ""
    seed: int | None = None
    first: float
    second: float
    difference: float  # first minus second; for a clip, the mean absolute difference


class Agreement(Stored):
    """How far two trackers agree.

    Attributes:
        first: Name of the first tracker.
        second: Name of the second tracker.
        kendall: Kendall's tau-b of the methods' means.
        spearman: Spearman's rho of the methods' means.
        videos: Pearson's correlation over all videos.
        within: The same after each method's mean is subtracted: do they agree on the clips on which
            a method does better?
        difference: Mean of first minus second over all videos.
        turned: Pairs of methods whose means are in opposite orders under the two trackers.
        shown: Those of these pairs that differ significantly under both trackers.
        contradicted: Pairs of methods that differ significantly under one tracker, and whose means
            are in the opposite order under the other.
        parts: Agreement on parts of the clips.
        videos_apart: Videos with the largest differences.
        clips_apart: Clips with the largest mean absolute differences.
    """

    first: str
    second: str
    kendall: Correlation
    spearman: Correlation
    videos: Correlation
    within: Correlation
    difference: float
    turned: tuple[tuple[str, str], ...]
    shown: tuple[tuple[str, str], ...]
    contradicted: tuple[tuple[str, str], ...]
    parts: tuple[Part, ...]
    videos_apart: tuple[Parted, ...]
    clips_apart: tuple[Parted, ...]


class TruthRow(Stored):
    """Errors of one tracker against the ground-truth tracks of the sources, as means over clips."""

    tracker: str
    clips: int
    moving: float | None
    still: float | None
    lost: float | None
    unsure: float | None
    worst_clip: str = ""  # with the largest error on moving points
    worst: float | None = None


class AgreementReport(Stored):
    """How far the trackers agree on one results folder.

    Attributes:
        dataset: Name of the dataset.
        dataset_version: Version of the dataset.
        grid: Number of tracked points along each axis.
        pairs: Number of pairs of clip, prompt and seed of each method.
        clips: Number of their source clips.
        trackers: What the tracks of each tracker depend on, by name.
        board: One row per method, in the order of the first tracker's means.
        agreements: One for each two trackers.
        truth: Errors of each tracker on clips with ground-truth tracks.
        bootstrap: How intervals were drawn.
        notes: What was left out, and what to know before reading the report.
    """

    dataset: str
    dataset_version: int
    grid: int
    pairs: int
    clips: int
    trackers: dict[str, dict[str, object]]
    board: tuple[BoardRow, ...]
    agreements: tuple[Agreement, ...]
    truth: tuple[TruthRow, ...] = ()
    bootstrap: Bootstrap = Field(default_factory=Bootstrap)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Shared:
    """The scores that all tables have in common.

    Attributes:
        methods: Labels of the methods.
        pairs: Pairs of clip, prompt and seed.
        numbers: By tracker, the score of each method on each pair.
        notes: What was left out.
    """

    methods: tuple[str, ...]
    pairs: tuple[Key, ...]
    numbers: dict[str, Numbers]
    notes: tuple[str, ...]

    @property
    def clips(self) -> list[str]:
        """The clip of each pair."""
        return [clip for clip, _, _ in self.pairs]


def agreement_report(
    tables: Sequence[TrackerTable],
    methods: Sequence[str] = (),
    exclude: Sequence[str] = (),
    bootstrap: Bootstrap | None = None,
) -> AgreementReport:
    """Compare the tables of two or more trackers.

    Args:
        tables: Tables of one results folder.
        methods: Labels to include; empty for all.
        exclude: Labels to leave out.
        bootstrap: Settings of the intervals.

    Raises:
        ValueError: The tables are not comparable (see `require_comparable`), or no pair is
            scored for every method under every tracker.
        LookupError: No method has such a label.
    """
    named = dict(_named(tables))
    require_comparable(named)
    labels = _labels(named, methods, exclude)
    shared = shared_numbers(named, labels)
    draws = bootstrap or Bootstrap()
    first = next(iter(named.values()))
    pairs_of_trackers = combinations(named, 2)
    agreements = tuple(
        _agreement(one, other, shared, first, draws) for one, other in pairs_of_trackers
    )
    return AgreementReport(
        dataset=first.settings["dataset"],
        dataset_version=first.settings["dataset_version"],
        grid=first.settings["grid"],
        pairs=len(shared.pairs),
        clips=len(set(shared.clips)),
        trackers={name: table.origin for name, table in named.items()},
        board=_board(shared, first.kinds, draws),
        agreements=agreements,
        truth=tuple(_truth(named, set(shared.clips))),
        bootstrap=draws,
        notes=(*shared.notes, *_few(shared)),
    )


def shared_numbers(tables: Mapping[str, TrackerTable], labels: Sequence[str]) -> Shared:
    """Return the pairs that are scored for every method under every tracker.

    A method that lacks more than half of the pairs is left out, because it alone would decide which
    pairs are compared.

    Raises:
        ValueError: No pair remains.
    """
    by_tracker = {
        name: {(row.method, row.pair): row.value for row in table.rows if row.value is not None}
        for name, table in tables.items()
    }
    every = sorted(
        {row.pair for table in tables.values() for row in table.rows if row.method in labels}
    )
    whole = {
        label: {pair for pair in every if all((label, pair) in by for by in by_tracker.values())}
        for label in labels
    }
    compared = [label for label in labels if len(whole[label]) >= LEAST_SHARE * len(every)]
    kept = [pair for pair in every if compared and all(pair in whole[one] for one in compared)]
    notes = tuple(
        f"{label}: {len(every) - len(whole[label])} of {len(every)} pairs lack a number under "
        f"{_lacking(label, every, by_tracker)}; "
        + (
            "no method is compared on them."
            if label in compared
            else "with more than half missing, the method is left out."
        )
        for label in labels
        if len(whole[label]) < len(every)
    )
    if not kept:
        raise ValueError(
            "No pair is scored for every method under every tracker. Run or score what is missing, "
            f"or leave methods out by --exclude. {' '.join(notes[:6])}"
        )
    numbers = {
        name: np.array([[values[label, pair] for pair in kept] for label in compared], dtype=float)
        for name, values in by_tracker.items()
    }
    return Shared(tuple(compared), tuple(kept), numbers, notes)


def _lacking(
    label: str, pairs: Sequence[Key], by_tracker: Mapping[str, Mapping[tuple[str, Key], float]]
) -> str:
    """Return the trackers that lack a score of some pair of a method."""
    return ", ".join(
        name for name, by in by_tracker.items() if any((label, pair) not in by for pair in pairs)
    )


def _named(tables: Sequence[TrackerTable]) -> Iterator[tuple[str, TrackerTable]]:
    """Return tables by short names, with part of the weights' hash where two share a name."""
    counts = Counter(table.name for table in tables)
    for table in tables:
        weights = str(table.origin.get("checkpoint_sha256", ""))[:8]
        twice = counts[table.name] > 1
        yield (f"{table.name} {weights}".strip() if twice else table.name), table


def _labels(
    tables: Mapping[str, TrackerTable], methods: Sequence[str], exclude: Sequence[str]
) -> list[str]:
    known = sorted({row.method for table in tables.values() for row in table.rows})
    for label in (*methods, *exclude):
        if label not in known:
            raise LookupError(no_such("method in these tables", label, known))
    return [label for label in known if label in (methods or known) and label not in exclude]


def _board(shared: Shared, kinds: Mapping[str, str], bootstrap: Bootstrap) -> tuple[BoardRow, ...]:
    means = {name: numbers.mean(axis=1) for name, numbers in shared.numbers.items()}
    rows = []
    for place, label in enumerate(shared.methods):
        found = {
            name: mean_interval(numbers[place], shared.clips, **bootstrap.model_dump())
            for name, numbers in shared.numbers.items()
        }
        rows.append(
            BoardRow(
                label=label,
                kind=kinds.get(label, ""),
                mean={name: float(of[place]) for name, of in means.items()},
                interval={name: one.interval for name, one in found.items() if one.interval},
                rank={name: 1 + int((of > of[place] + 1e-12).sum()) for name, of in means.items()},
            )
        )
    leading = next(iter(means))
    return tuple(sorted(rows, key=lambda row: (-row.mean[leading], row.label)))


def _agreement(
    first: str, second: str, shared: Shared, table: TrackerTable, bootstrap: Bootstrap
) -> Agreement:
    a, b = shared.numbers[first], shared.numbers[second]
    draws = bootstrap.seed, bootstrap.resamples
    turned, shown, contradicted = _orders(a, b, shared)
    return Agreement(
        first=first,
        second=second,
        kendall=of_means(a, b, shared.clips, kendall, *draws),
        spearman=of_means(a, b, shared.clips, spearman, *draws),
        videos=of_pairs(a, b, shared.clips, *draws),
        within=of_pairs(_centred(a), _centred(b), shared.clips, *draws),
        difference=float((a - b).mean()),
        turned=turned,
        shown=shown,
        contradicted=contradicted,
        parts=tuple(_parts(a, b, shared, table)),
        videos_apart=_videos_apart(a, b, shared),
        clips_apart=_clips_apart(a, b, shared),
    )


def _centred(numbers: Numbers) -> Numbers:
    return numbers - numbers.mean(axis=1, keepdims=True)


Orders = tuple[tuple[str, str], ...]


def _orders(a: Numbers, b: Numbers, shared: Shared) -> tuple[Orders, Orders, Orders]:
    """Return pairs of methods in reversed order; the first tracker's higher one comes first."""
    labels = shared.methods
    tests = [
        rank_intervals(dict(zip(labels, numbers, strict=True)), shared.clips) for numbers in (a, b)
    ]
    turned, shown, contradicted = [], [], []
    means = list(zip(labels, a.mean(axis=1), b.mean(axis=1), strict=True))
    for one, other in combinations(means, 2):
        high, low = (one, other) if one[1] > other[1] else (other, one)
        if not (high[1] > low[1] + 1e-12 and high[2] < low[2] - 1e-12):
            continue
        names = high[0], low[0]
        turned.append(names)
        by_first = tests[0].shown_better(*names)
        by_second = tests[1].shown_better(*names[::-1])
        if by_first and by_second:
            shown.append(names)
        elif by_first or by_second:
            contradicted.append(names)
    return tuple(turned), tuple(shown), tuple(contradicted)


def _parts(a: Numbers, b: Numbers, shared: Shared, table: TrackerTable) -> Iterator[Part]:
    """Divide clips by camera (moving if more than half of the tracks move) and by motion family."""
    camera: dict[str, str] = {}
    for name, facts in table.clips.items():
        if facts.moving_share is not None:
            camera[name] = "moving" if facts.moving_share > MOVING_CAMERA else "static"
    family = {name: facts.family for name, facts in table.clips.items()}
    for of, part_of in (("camera", camera), ("motion", family)):
        places: dict[str, list[int]] = defaultdict(list)
        for place, clip in enumerate(shared.clips):
            if part := part_of.get(clip):
                places[part].append(place)
        for part, some in sorted(places.items()):
            ours, theirs = a[:, some], b[:, some]
            tau = kendall(ours.mean(axis=1)[None], theirs.mean(axis=1)[None])[0]
            enough = len(a) >= FEWEST_METHODS and bool(np.isfinite(tau))
            yield Part(
                of=of,
                name=part,
                clips=len({shared.clips[place] for place in some}),
                pairs=len(some),
                kendall=float(tau) if enough else None,
                difference=float(np.abs(ours - theirs).mean()),
            )


def _videos_apart(a: Numbers, b: Numbers, shared: Shared) -> tuple[Parted, ...]:
    order = np.argsort(-np.abs(a - b), axis=None, kind="stable")[:SHOWN]
    found = []
    for place in order:
        row, column = np.unravel_index(place, a.shape)
        clip, edit, seed = shared.pairs[column]
        ours, theirs = float(a[row, column]), float(b[row, column])
        if ours == theirs:
            break
        found.append(
            Parted(
                clip=clip,
                method=shared.methods[row],
                edit=edit,
                seed=seed,
                first=ours,
                second=theirs,
                difference=ours - theirs,
            )
        )
    return tuple(found)


def _clips_apart(a: Numbers, b: Numbers, shared: Shared) -> tuple[Parted, ...]:
    clips = np.array(shared.clips)
    found = []
    for clip in sorted(set(shared.clips)):
        ours, theirs = a[:, clips == clip], b[:, clips == clip]
        found.append(
            Parted(
                clip=clip,
                first=float(ours.mean()),
                second=float(theirs.mean()),
                difference=float(np.abs(ours - theirs).mean()),
            )
        )
    return tuple(sorted(found, key=lambda one: (-one.difference, one.clip))[:SHOWN])


def _truth(tables: Mapping[str, TrackerTable], clips: set[str]) -> Iterator[TruthRow]:
    """Errors of the trackers on sources; tables with true source tracks repeat a tracker."""
    seen: list[dict[str, object]] = []
    for name, table in tables.items():
        known = {clip: facts.errors for clip, facts in table.clips.items() if facts.errors}
        known = {clip: errors for clip, errors in known.items() if clip in clips}
        if not known or table.origin in seen:
            continue
        seen.append(table.origin)
        moving = {c: e["moving"] for c, e in known.items() if e.get("moving") is not None}
        worst = max(moving, key=lambda clip: (moving[clip] or 0.0, clip), default="")
        yield TruthRow(
            tracker=name.replace("+known", ""),
            clips=len(known),
            **{
                of: _mean([e.get(of) for e in known.values()])
                for of in ("moving", "still", "lost", "unsure")
            },
            worst_clip=worst,
            worst=moving.get(worst),
        )


def _mean(values: Sequence[float | None]) -> float | None:
    there = [value for value in values if value is not None]
    return float(np.mean(there)) if there else None


def _few(shared: Shared) -> Iterator[str]:
    if len(shared.methods) < FEWEST_METHODS:
        yield "With fewer than 3 methods there is no correlation of ranks."
    if len(set(shared.clips)) < 6:
        yield "With fewer than 6 clips there are no intervals of correlations."
