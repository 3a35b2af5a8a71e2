"""Check claimed scores: of exactly this video, of existing metrics, and well-formed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from smmbench.display import plain
from smmbench.display.escaping import hidden
from smmbench.metrics.registry import all_metrics, metric
from smmbench.results import RunRecord, Score, ScoreFile, Stored
from smmbench.storage.array_cache import origin_key

MOST, DETAILS, NAME = 64, 256, 100  # scores of a video, details of a score, characters


class Claim(Stored):
    """One claimed number and the recomputed one."""

    pair: str
    metric: str
    detail: str  # empty for the score itself
    claimed: float
    recomputed: float

    @property
    def difference(self) -> float:
        """Absolute difference of the two."""
        return abs(self.claimed - self.recomputed)


def claim_faults(file: ScoreFile, record: RunRecord) -> Iterator[str]:
    """List impossible claims of a pair, as phrases that follow the pair's name."""
    if file.request != record.request or file.pixels_sha256 != record.pixels_sha256:
        yield "claims scores of another video"
        return
    if len(file.scores) > MOST:
        yield f"claims {len(file.scores)} scores, more than {MOST}"
        return
    names = Counter(score.metric for score in file.scores)
    if twice := [name for name, count in names.items() if count > 1]:
        yield f"claims '{plain(twice[0], NAME)}' twice"
    for score in file.scores:
        yield from _score_faults(score)


def _score_faults(score: Score) -> Iterator[str]:
    name = plain(score.metric, NAME)
    words = (score.metric, score.note, *score.details)
    if any(map(hidden, score.metric)) or any(any(map(hidden, word)) for word in score.details):
        yield "claims a score whose name has signs that are not seen"
        return
    if len(score.details) > DETAILS or max(map(len, words)) > 10 * NAME:
        yield f"claims details of '{name}' that are too many or too long"
        return
    if any(hidden(sign) and sign != "\n" for sign in score.note):
        yield f"claims '{name}' with a note that has signs that are not seen"
    if origin_key(score.origin) != score.key:
        yield f"claims '{name}' under a key that is not that of its origin"
    if score.origin.get("metric") != score.metric or score.origin.get("version") != score.version:
        yield f"claims '{name}' with an origin of another metric or version"
    if score.metric not in {known.name for known in all_metrics()}:
        return  # not computed here, and therefore not compared
    known = metric(score.metric)
    if not 1 <= score.version <= known.version:
        yield (
            f"claims '{name}' under version {score.version} of the metric; the current "
            f"version is {known.version}"
        )
    slack = 1e-5 * (known.maximum - known.minimum)
    if score.value is not None and not (
        known.minimum - slack <= score.value <= known.maximum + slack
    ):
        yield f"claims {score.value:g} for '{name}', outside of its range"
