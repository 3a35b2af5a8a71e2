"""Which scores may share a column: those of one metric, computed under the same conditions."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from smmbench.results import Score
from smmbench.scoring.counting import Key
from smmbench.scoring.libraries import with_ranges
from smmbench_leaderboard.board.reading import Result, key_of

SOURCE_TRACKS = "source tracks by"
TRACKED = {SOURCE_TRACKS: "tracker"}
"""What `terms` has for a score under a dataset's own protocol, besides its fields."""

# The parts of a score's origin that belong to one pair: pixels, prompt, true tracks and masks.
# A metric of another distribution stores such parts under `pair`.
PER_PAIR = frozenset(
    {"output", "prompt", "source_prompt", "source", "source_tracks", "other_sources", "masks"}
    | {"pair"}
)


def terms(score: Score) -> dict[str, object]:
    """Return the parts of a score's origin that were chosen: protocol and source tracks."""
    protocol, tracked = score.origin.get("protocol"), score.origin.get("source_tracked_by")
    return {
        **(protocol if isinstance(protocol, dict) else {}),
        **({SOURCE_TRACKS: tracked} if tracked else {}),
    }


def conditions(score: Score) -> dict[str, Any]:
    """Return what must be equal for two scores to share a column.

    This is all of a score's origin except what belongs to one pair, such as pixels and prompt.
    """
    return {name: value for name, value in score.origin.items() if name not in PER_PAIR}


def shared_conditions(metric: str, results: Iterable[Result]) -> tuple[int, dict[str, Any]] | None:
    """Return version and conditions of a metric, equal for all results; None if none is scored.

    Raises:
        ValueError: Two results were scored under different conditions, or two results of one pair
            against different sources, prompts or masks; the message names both.
    """
    first: tuple[Result, int, dict[str, Any]] | None = None
    pair: dict[Key, Result] = {}
    for result in results:
        score = result.scores.get(metric)
        if score is None or score.value is None:  # not computed: joins any column
            continue
        under = conditions(score)
        if first is None:
            first = (result, score.version, under)
        elif (score.version, with_ranges(under)) != (first[1], with_ranges(first[2])):
            raise ValueError(_unlike(metric, first[0], result, first[1:], (score.version, under)))
        of_pair = pair.setdefault(key_of(result.record), result)
        one, other = _of_pair(of_pair.scores[metric]), _of_pair(score)
        if one != other:
            raise ValueError(
                _unlike(metric, of_pair, result, (score.version, one), (score.version, other))
            )
    return None if first is None else first[1:]


def _of_pair(score: Score) -> dict[str, Any]:
    """Return what two scores of one pair must share too: everything but the output's pixels."""
    return {name: score.origin[name] for name in PER_PAIR - {"output"} if name in score.origin}


def _unlike(metric: str, a: Result, b: Result, *origins: tuple[int, dict[str, Any]]) -> str:
    return (
        f"Scores of '{metric}' do not mix: '{a.folder}' and '{b.folder}' differ in "
        f"{', '.join(differences(*origins))}. Run `smmbench score` on the whole folder to bring "
        "them under one protocol."
    )


def differences(a: tuple[int, dict[str, Any]], b: tuple[int, dict[str, Any]]) -> Iterator[str]:
    """Describe briefly every difference between the conditions of two scores."""
    if a[0] != b[0]:
        yield f"metric version ({a[0]}, {b[0]})"
    yield from _values(a[1], b[1])


def _values(a: dict[str, Any], b: dict[str, Any]) -> Iterator[str]:
    """Yield each key in which two values differ; of nested values, only the inner keys."""
    for name in sorted(a.keys() | b.keys()):
        one, other = a.get(name), b.get(name)
        if isinstance(one, dict) and isinstance(other, dict):
            yield from _values(one, other)
        elif one != other:
            told = (json.dumps(side, sort_keys=True)[:80] for side in (one, other))
            yield f"{name} ({', '.join(told)})"
