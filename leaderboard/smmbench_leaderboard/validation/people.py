"""Compare a metric with people: does it prefer the videos that they prefer?

Judgements are a CSV file, whose columns determine one of two kinds:

    clip, edit, seed, first, second, chosen      which of two methods' videos a person chose
    clip, edit, seed, method, rating             how a person rated one video, higher is better

Ratings are compared within a clip, prompt and seed: every two videos that people rated differently
are one choice. Agreement is the share of choices on which the metric prefers the same video; equal
scores count half. 0.5 is chance, and for ratings it is the area under the curve of identifying the
better of two videos by the metric. Answers on one clip are not independent, so intervals are over
source clips.
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

from smmbench.metrics.registry import metric
from smmbench.scoring.counting import Key
from smmbench.statistics import Estimate
from smmbench.storage.text import read_text
from smmbench_leaderboard.board.reading import Results, read_results
from smmbench_leaderboard.board.rows import card_of
from smmbench_leaderboard.board.types import Bootstrap
from smmbench_leaderboard.validation.agreement import preference, rank_correlation, share
from smmbench_leaderboard.validation.gate import Standing, controls_of, standing
from smmbench_leaderboard.validation.types import Control, Validation

CHOICES = ("clip", "edit", "seed", "first", "second", "chosen")
RATINGS = ("clip", "edit", "seed", "method", "rating")
TIE = "tie"


@dataclass(frozen=True)
class Choice:
    """A preference for one of two videos of a clip, prompt and seed.

    Attributes:
        key: The pair.
        chosen: Label of the method whose video was preferred.
        other: Label of the other method.
    """

    key: Key
    chosen: str
    other: str


def validate_people(
    name: str,
    judgements: Path,
    root: Path,
    dataset: str | None = None,
    allowed: Sequence[str] = (),
    bootstrap: Bootstrap | None = None,
) -> Validation:
    """Compare a metric's scores of a results folder with a file of judgements.

    Args:
        name: Name of the metric, by which the videos have been scored.
        judgements: The CSV file.
        root: The results folder.
        dataset: Name or manifest path; None if the folder holds results of one dataset only.
        allowed: Controls that the metric should rank high (source-copy, for motion).
        bootstrap: Settings of the intervals.

    Raises:
        LookupError: There is no such metric.
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
    found = share(agreed, clips, draws)
    correlation = _correlation(mean_ratings(judgements), results, name, sign, draws)
    best, controls = _controls(results, name, sign, allowed, draws)
    return Validation(
        metric=name,
        kind=kind,
        data=judgements.name,
        agreement=found.mean,
        interval=found.interval,
        choices=len(agreed),
        ties=ties,
        unscored=len(choices) - len(agreed),
        clips=len(set(clips)),
        correlation=correlation.mean if correlation else None,
        correlation_interval=correlation.interval if correlation else None,
        best=best,
        controls=controls,
    )


def mean_ratings(path: Path) -> dict[tuple[Key, str], float]:
    """Return the mean rating of each video of a file of ratings; empty for a file of choices."""
    reader = csv.DictReader(io.StringIO(read_text(path)))
    return _means(path, list(reader)) if set(reader.fieldnames or ()) >= set(RATINGS) else {}


def read_judgements(path: Path) -> tuple[str, list[Choice], int]:
    """Read a file of choices or of ratings: its kind, the choices, and the number of ties.

    Raises:
        ValueError: The file lacks columns, or a line is invalid; the message names it.
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
    """Return the choices between every two videos of one pair."""
    by_pair: dict[Key, dict[str, float]] = defaultdict(dict)
    for (key, label), mean in _means(path, rows).items():
        by_pair[key][label] = mean
    found, ties = [], 0
    for key, means in by_pair.items():
        for one, other in combinations(sorted(means), 2):
            if means[one] == means[other]:
                ties += 1
            else:
                better, worse = (one, other) if means[one] > means[other] else (other, one)
                found.append(Choice(key, better, worse))
    return found, ties


def _means(path: Path, rows: Sequence[Mapping[str, str]]) -> dict[tuple[Key, str], float]:
    """Return the mean rating of each video, by pair and method."""
    ratings: dict[tuple[Key, str], list[float]] = defaultdict(list)
    for line, row in enumerate(rows, start=2):
        try:
            rating = float(row["rating"])
        except ValueError:
            rating = math.nan
        if not math.isfinite(rating):
            raise ValueError(f"'{path}', line {line}: '{row['rating']}' is no rating.")
        ratings[_key(path, line, row), row["method"]].append(rating)
    return {place: sum(some) / len(some) for place, some in ratings.items()}


def _key(path: Path, line: int, row: Mapping[str, str]) -> Key:
    if not (row["seed"] or "").isdecimal():
        raise ValueError(f"'{path}', line {line}: the seed '{row['seed']}' is no whole number.")
    return row["clip"], row["edit"], int(row["seed"])


def _number(results: Results, label: str, key: Key, name: str) -> float | None:
    result = results.found.get(label, {}).get(key)
    return None if result is None else result.number(name)


def _correlation(
    ratings: Mapping[tuple[Key, str], float],
    results: Results,
    name: str,
    sign: float,
    bootstrap: Bootstrap,
) -> Estimate | None:
    """Correlate the metric with ratings over all videos that have both; None without ratings."""
    numbers = {place: _number(results, place[1], place[0], name) for place in ratings}
    rated = [
        (ratings[place], sign * number, place[0][0])
        for place, number in numbers.items()
        if number is not None
    ]
    if not rated:
        return None
    given, values, clips = zip(*rated, strict=True)
    return rank_correlation(given, values, clips, bootstrap)


def _controls(
    results: Results, name: str, sign: float, allowed: Sequence[str], bootstrap: Bootstrap
) -> tuple[str, tuple[Control, ...]]:
    """Return the best method, and how close the controls come to it."""
    found = dict(_standings(results, name, sign, bootstrap))
    controls = {label for label in found if card_of(results, label).kind == "control"}
    methods = {label: one.mean for label, one in found.items() if label not in controls}
    if not methods:
        return "", ()
    best = max(methods, key=lambda label: (methods[label], label))
    return best, controls_of(found, found[best], controls, sign, allowed)


def _standings(
    results: Results, name: str, sign: float, bootstrap: Bootstrap
) -> Iterator[tuple[str, Standing]]:
    """Return the mean of each method, oriented so that higher is better."""
    for label, by_pair in results.found.items():
        numbers = {key: result.number(name) for key, result in by_pair.items()}
        values = {key: sign * one for key, one in numbers.items() if one is not None}
        if values:
            clips = [clip for clip, _, _ in values]
            yield label, standing([*values.values()], clips, bootstrap)
