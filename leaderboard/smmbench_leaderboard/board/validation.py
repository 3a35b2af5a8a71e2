"""Hold a metric against people: does it prefer the videos that they prefer?

People's judgements are a CSV file, of one of two kinds by its columns:

    clip, edit, seed, first, second, chosen      which of two methods' videos somebody chose
    clip, edit, seed, method, rating             how somebody rated one video, higher is better

Ratings are compared within a clip, prompt and seed: each two videos that people rated differently
are one choice. Agreement is the share of choices on which the metric prefers the same video, where
two equal scores are half of one; 0.5 is chance, and over ratings it is the area under the curve of
telling the better of two videos by the metric. Several answers of one clip are not independent, so
intervals are over source clips.
"""

from __future__ import annotations

import csv
import io
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np

from smmbench.metrics.registry import metric
from smmbench.results import Stored
from smmbench.scoring.counting import Key
from smmbench.statistics import mean_interval
from smmbench.storage.text import read_text
from smmbench_leaderboard.board.reading import Results, read_results
from smmbench_leaderboard.board.rows import card_of
from smmbench_leaderboard.board.types import Bootstrap

CHOICES = ("clip", "edit", "seed", "first", "second", "chosen")
RATINGS = ("clip", "edit", "seed", "method", "rating")
TIE = "tie"


@dataclass(frozen=True)
class Choice:
    """Somebody preferred one of two videos of a clip, prompt and seed.

    Attributes:
        key: The pair.
        chosen: Label of the method whose video was preferred.
        other: Label of the other.
    """

    key: Key
    chosen: str
    other: str


class Control(Stored):
    """Where a control stands under the metric.

    Attributes:
        label: Its label.
        mean: Of the metric over its videos.
        near: Whether its interval reaches that of the best method.
        allowed: Whether the user said that the metric is meant to rank it high.
    """

    label: str
    mean: float
    near: bool
    allowed: bool = False


class Validation(Stored):
    """What a metric is worth on one file of judgements.

    Attributes:
        metric: Its name.
        kind: `choices` or `ratings`.
        agreement: Share of choices on which the metric prefers what people prefer, 0 to 1.
        interval: 95 % over source clips; None with one clip.
        choices: That counted.
        ties: Where people saw no difference; they are left out.
        unscored: Choices of videos without a number of the metric; they are left out.
        clips: Source clips of the choices.
        best: Label of the method with the highest mean of the metric; empty if there is none.
        controls: Where the controls of the results stand.
    """

    metric: str
    kind: str
    agreement: float
    interval: tuple[float, float] | None
    choices: int
    ties: int
    unscored: int
    clips: int
    best: str = ""
    controls: tuple[Control, ...] = ()

    @property
    def dropped(self) -> bool:
        """Whether a control comes near the best: such a metric cannot rank methods."""
        return any(one.near and not one.allowed for one in self.controls)

    @property
    def beats_chance(self) -> bool:
        """Whether the interval of the agreement lies above one half."""
        return self.interval is not None and self.interval[0] > 0.5


def validate(
    name: str,
    judgements: Path,
    root: Path,
    dataset: str | None = None,
    allowed: Sequence[str] = (),
    bootstrap: Bootstrap | None = None,
) -> Validation:
    """Hold a metric's scores of a results folder against a file of judgements.

    Args:
        name: The metric; the videos have been scored by it.
        judgements: The CSV file.
        root: The results folder.
        dataset: Name or manifest path; None if the folder holds results of one dataset only.
        allowed: Controls that the metric is meant to rank high (source-copy, for motion).
        bootstrap: How intervals are drawn.

    Raises:
        LookupError: No such metric.
        ValueError: The file is of neither kind, or no choice can be counted.
    """
    known, draws = metric(name), bootstrap or Bootstrap()
    kind, choices, ties = read_judgements(judgements)
    results = read_results(root, dataset)
    sign = 1.0 if known.higher_is_better else -1.0
    agreed: list[float] = []
    clips: list[str] = []
    for choice in choices:
        chosen = _number(results, choice.chosen, choice.key, name)
        other = _number(results, choice.other, choice.key, name)
        if chosen is None or other is None:
            continue
        agreed.append(preference(sign * chosen, sign * other))
        clips.append(choice.key[0])
    if not agreed:
        raise ValueError(
            f"None of the {len(choices)} choices of '{judgements}' is between two videos of "
            f"'{root}' that have a number of {name}. Score them first: `smmbench score {root} "
            f"--metrics {name}`."
        )
    found = mean_interval(np.array(agreed), clips, **draws.model_dump())
    best, controls = _controls(results, name, sign, allowed, draws)
    return Validation(
        metric=name,
        kind=kind,
        agreement=found.mean,
        interval=_within(found.interval),
        choices=len(agreed),
        ties=ties,
        unscored=len(choices) - len(agreed),
        clips=len(set(clips)),
        best=best,
        controls=controls,
    )


def preference(chosen: float, other: float) -> float:
    """1 where the chosen video has the higher number, 0 where the other has, 1/2 where equal."""
    return 0.5 if chosen == other else float(chosen > other)


def read_judgements(path: Path) -> tuple[str, list[Choice], int]:
    """Read a file of choices or of ratings: its kind, the choices, and the number of ties.

    Raises:
        ValueError: It lacks columns, or a line does not say what it must; the message names it.
    """
    reader = csv.DictReader(io.StringIO(read_text(path)))
    columns = set(reader.fieldnames or ())
    if columns >= set(CHOICES):
        return ("choices", *_choices(path, list(reader)))
    if columns >= set(RATINGS):
        return ("ratings", *_of_ratings(path, list(reader)))
    raise ValueError(
        f"'{path}' has the columns {', '.join(sorted(columns)) or 'of nothing'}. A file of choices "
        f"has {', '.join(CHOICES)}; one of ratings has {', '.join(RATINGS)}."
    )


def _choices(path: Path, rows: Sequence[Mapping[str, str]]) -> tuple[list[Choice], int]:
    found, ties = [], 0
    for line, row in enumerate(rows, start=2):
        first, second, chosen = row["first"], row["second"], row["chosen"]
        if chosen == TIE:
            ties += 1
        elif chosen in (first, second) and first != second:
            other = second if chosen == first else first
            found.append(Choice(_key(path, line, row), chosen, other))
        else:
            raise ValueError(
                f"'{path}', line {line}: 'chosen' is '{chosen}', but must be '{first}', "
                f"'{second}' or '{TIE}', of two different methods."
            )
    return found, ties


def _of_ratings(path: Path, rows: Sequence[Mapping[str, str]]) -> tuple[list[Choice], int]:
    """Each two videos of one pair; several ratings of a video count as their mean."""
    ratings: dict[Key, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for line, row in enumerate(rows, start=2):
        try:
            rating = float(row["rating"])
        except ValueError:
            rating = math.nan
        if not math.isfinite(rating):
            raise ValueError(f"'{path}', line {line}: '{row['rating']}' is no rating.")
        ratings[_key(path, line, row)][row["method"]].append(rating)
    found, ties = [], 0
    for key, of in ratings.items():
        means = {label: sum(some) / len(some) for label, some in of.items()}
        for one, other in combinations(sorted(means), 2):
            if means[one] == means[other]:
                ties += 1
            else:
                better, worse = (one, other) if means[one] > means[other] else (other, one)
                found.append(Choice(key, better, worse))
    return found, ties


def _key(path: Path, line: int, row: Mapping[str, str]) -> Key:
    if not (row["seed"] or "").isdecimal():
        raise ValueError(f"'{path}', line {line}: the seed '{row['seed']}' is no whole number.")
    return row["clip"], row["edit"], int(row["seed"])


def _number(results: Results, label: str, key: Key, name: str) -> float | None:
    result = results.found.get(label, {}).get(key)
    return None if result is None else result.number(name)


def _controls(
    results: Results, name: str, sign: float, allowed: Sequence[str], bootstrap: Bootstrap
) -> tuple[str, tuple[Control, ...]]:
    """The best method, and how near the controls come to it."""
    found = dict(_means(results, name, sign, bootstrap))
    is_control = {label: card_of(results, label).kind == "control" for label in found}
    methods = {label: one for label, one in found.items() if not is_control[label]}
    if not methods:
        return "", ()
    best = max(methods, key=lambda label: (methods[label][0], label))
    lowest = methods[best][1]
    return best, tuple(
        Control(label=label, mean=sign * mean, near=high >= lowest, allowed=label in allowed)
        for label, (mean, _, high) in sorted(found.items())
        if is_control[label]
    )


def _means(
    results: Results, name: str, sign: float, bootstrap: Bootstrap
) -> Iterator[tuple[str, tuple[float, float, float]]]:
    """Mean of each method with the ends of its interval, turned so that higher is better."""
    for label, by_pair in results.found.items():
        numbers = {key: result.number(name) for key, result in by_pair.items()}
        values = {key: sign * one for key, one in numbers.items() if one is not None}
        if values:
            clips = [clip for clip, _, _ in values]
            one = mean_interval(np.array([*values.values()]), clips, **bootstrap.model_dump())
            low, high = one.interval or (one.mean, one.mean)
            yield label, (one.mean, low, high)


def _within(interval: tuple[float, float] | None) -> tuple[float, float] | None:
    """The interval of a share, cut at 0 and 1."""
    return None if interval is None else (max(interval[0], 0.0), min(interval[1], 1.0))
