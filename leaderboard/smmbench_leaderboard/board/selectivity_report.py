"""The report of `smmbench selectivity`: S of every method by kind of clip, and its loss."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from pydantic import Field

from smmbench.dataset import Dataset
from smmbench.results import Stored
from smmbench.scoring.counting import Key
from smmbench_leaderboard.board.composition import chosen_methods
from smmbench_leaderboard.board.reading import Result, Results, read_results
from smmbench_leaderboard.board.rows import card_of
from smmbench_leaderboard.board.selectivity import (
    AGAINST,
    METRIC,
    SAME_MOTION,
    Compared,
    References,
    compare_references,
    estimate_of,
    references_of,
    selectivity_cells,
)
from smmbench_leaderboard.board.types import Bootstrap, Selective

MOVING_CAMERA = 0.5
"""Share of moving points in a clip above which its camera counts as moving."""

SHAPES = {
    "scene": "shape kept",
    "colour": "shape kept",
    "size": "shape resized",
    "object": "another shape",
    "both": "another shape",
    "number": "more shapes",
    "second": "more shapes",
}
"""How much an edit changes the shape of what moves, by the edit's kind."""

FIRST, LAST = "guidance_loss_first", "guidance_loss_last"


class Stratum(Stored):
    """S over part of the pairs; a pair belongs to at most one part of each division."""

    of: str  # camera, motion, shape
    name: str
    mean: float
    interval: tuple[float, float] | None
    pairs: int
    clips: int


class SelectiveRow(Stored):
    """The selectivity of one method.

    Attributes:
        label: Label of the method.
        title: Title of the method.
        kind: `method`, `baseline` or `control`.
        selectivity: S, by the other reference.
        strata: S over parts of the pairs.
        motion: Motion fidelity to the clip's own motion, by the given reference; a method that
            ignores its reference has the same number everywhere.
        loss_falls: Share by which guidance lowers its loss within a step, by the reference; empty
            for a method that reports no loss.
        unscored: Number of pairs without the required score.
    """

    label: str
    title: str
    kind: str
    selectivity: dict[str, Selective]
    strata: dict[str, tuple[Stratum, ...]] = Field(default_factory=dict)
    motion: dict[str, float] = Field(default_factory=dict)
    loss_falls: dict[str, float] = Field(default_factory=dict)
    unscored: int = 0

    @property
    def follows(self) -> str:
        """What the interval of the first available reference shows, in a few words."""
        found = next(iter(self.selectivity.values()), None)
        if found is None or found.interval is None:
            return "not known"
        low, high = found.interval
        return "follows" if low > 0 else "opposes" if high < 0 else "not shown to follow"


class SelectivityReport(Stored):
    """S of all methods of one dataset.

    Attributes:
        dataset: Name of the dataset.
        dataset_version: Version of the dataset.
        same_motion: Motion fidelity between two references above which a clip is left out.
        alike: Motion fidelity between the two references of each clip, by the other reference.
        rows: Methods, the most selective first; controls last.
        notes: What to know before reading the report.
    """

    dataset: str
    dataset_version: int
    same_motion: float
    alike: dict[str, dict[str, float]]
    rows: tuple[SelectiveRow, ...]
    notes: tuple[str, ...] = ()


def selectivity_report(
    root: Path,
    dataset: str | None = None,
    methods: Sequence[str] = (),
    exclude: Sequence[str] = (),
    bootstrap: Bootstrap | None = None,
    check_videos: bool = True,
) -> SelectivityReport:
    """Read a results folder and report how selective its methods are.

    Args:
        root: The results folder.
        dataset: Name or manifest path; None if the folder holds results of one dataset only.
        methods: Labels to include; empty for all that were run with another reference.
        exclude: Labels to leave out.
        bootstrap: Settings of the intervals.
        check_videos: As for `read_results`.

    Raises:
        ValueError: As for `read_results`, or no method was run with another reference.
        LookupError: No method has such a label.
    """
    found = read_results(root, dataset, check_videos=check_videos)
    results = chosen_methods(found, methods, exclude)
    labels = [label for label in results.found if results.from_others.get(label)]
    if not labels:
        raise ValueError(
            f"No method in '{root}' has results of another reference in addition to its own. Run "
            "`smmbench run --method NAME --reference forward --reference reversed` first."
        )
    references = {against: references_of(results, against) for against in AGAINST}
    draws = bootstrap or Bootstrap()
    rows = [_row(results, label, references, draws) for label in labels]
    alike = {
        against: {clip: round(one.alike, 6) for clip, one in sorted(known.items())}
        for against, known in references.items()
        if known
    }
    manifest = results.dataset.manifest
    return SelectivityReport(
        dataset=manifest.name,
        dataset_version=manifest.version,
        same_motion=SAME_MOTION,
        alike=alike,
        rows=tuple(sorted(rows, key=_place)),
        notes=(*results.problems, *_notes(rows)),
    )


def loss_falls(results: Mapping[Key, Result]) -> float | None:
    """Return the mean share by which guidance lowers its loss within a step; None without a loss.

    Each guided timestep has a first and a last loss; losses of different timesteps are not
    comparable. If a timestep has only one gradient, first and last loss coincide and show nothing.
    """
    falls = []
    for result in results.values():
        series = result.record.series
        first, last = sum(series.get(FIRST, ())), sum(series.get(LAST, ()))
        if first > 0 and series[FIRST] != series[LAST]:
            falls.append(1 - last / first)
    return float(np.mean(falls)) if falls else None


def shape_of(dataset: Dataset) -> Callable[[Key], str]:
    """Return how much the edit of a pair changes the shape; empty if the edit has no kind."""
    kinds = {
        (clip.name, edit.name): edit.kind for clip in dataset.manifest.clips for edit in clip.edits
    }
    return lambda key: SHAPES.get(kinds[key[:2]] or "", "")


def _row(
    results: Results,
    label: str,
    references: Mapping[str, Mapping[str, References]],
    bootstrap: Bootstrap,
) -> SelectiveRow:
    card = card_of(results, label)
    own, others = results.found[label], results.from_others[label]
    compared = {
        against: compare_references(results, label, against, references[against])
        for against in AGAINST
        if against in others
    }
    by_reference = {"forward": own, **others}
    falls = {name: loss_falls(found) for name, found in by_reference.items()}
    motion = {name: _motion(found) for name, found in by_reference.items()}
    return SelectiveRow(
        label=label,
        title=card.title,
        kind=card.kind,
        selectivity=selectivity_cells(results, label, bootstrap),
        strata={
            against: tuple(_strata(results.dataset, one, references[against], bootstrap))
            for against, one in compared.items()
            if one.values
        },
        motion={name: value for name, value in motion.items() if value is not None},
        loss_falls={name: fall for name, fall in falls.items() if fall is not None},
        unscored=sum(len(one.unscored) for one in compared.values()),
    )


def _strata(
    dataset: Dataset,
    compared: Compared,
    references: Mapping[str, References],
    bootstrap: Bootstrap,
) -> Iterator[Stratum]:
    motions = {clip.name: clip.tags[0] for clip in dataset.manifest.clips if clip.tags}
    divisions: dict[str, Callable[[Key], str]] = {
        "camera": lambda key: (
            "moving" if references[key[0]].moving_share > MOVING_CAMERA else "static"
        ),
        "motion": lambda key: motions.get(key[0], ""),
        "shape": shape_of(dataset),
    }
    for of, name_of in divisions.items():
        parts: dict[str, dict[Key, float]] = defaultdict(dict)
        for key, value in compared.values.items():
            parts[name_of(key)][key] = value
        for name, values in sorted(parts.items()):
            if not name:
                continue
            found = estimate_of(values, bootstrap)
            clips = len({clip for clip, _, _ in values})
            yield Stratum(
                of=of,
                name=name,
                mean=found.mean,
                interval=found.interval,
                pairs=len(values),
                clips=clips,
            )


def _motion(found: Mapping[Key, Result]) -> float | None:
    scores = (result.scores.get(METRIC) for result in found.values())
    values = [one.details["to_forward"] for one in scores if one and "to_forward" in one.details]
    return float(np.mean(values)) if values else None


def _place(row: SelectiveRow) -> tuple[object, ...]:
    """Sort methods before controls, the more selective first, by the first reference."""
    best = next((row.selectivity[name].mean for name in AGAINST if name in row.selectivity), None)
    return row.kind == "control", best is None, -(best or 0.0), row.label


def _notes(rows: Sequence[SelectiveRow]) -> Iterator[str]:
    for row in rows:
        if row.unscored:
            yield (
                f"{row.label}: {row.unscored} pairs have no score of {METRIC} and are in no number "
                "here; `smmbench score` computes it."
            )
        for against, one in row.selectivity.items():
            if one.failed:
                yield (
                    f"{row.label}: {one.failed} pairs failed with one of the references and count "
                    f"0 ({against})."
                )
