"""Compute the scores of a video under the protocol of one dataset."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from smmbench.dataset import Dataset, Protocol
from smmbench.environment import library_versions
from smmbench.metrics import Measured, Metric, Task, metric
from smmbench.results import Score
from smmbench.results.scored_tracks import ScoredTracks
from smmbench.scoring.options import Options
from smmbench.scoring.resources import LoadedResources
from smmbench.storage.array_cache import origin_key
from smmbench.storage.local_paths import without_path

# The parts of the protocol on which a metric depends, besides the form of the video.
_FORM = ("version", "frames", "width", "height", "fps")
_PROTOCOL = {
    "text-model": ("text_model", "text_prefix"),
    "tracks": ("tracker", "grid", "still_threshold"),
}


# Modules that compute a metric, by what it needs; `numpy` and `av` contribute to every one.
_LIBRARIES = {
    "text-model": ("torch", "open_clip"),
    "tracks": ("cv2", "torch"),
    "flow": ("cv2", "torch"),
    "weights": ("torch", "transformers"),
}


@dataclass(frozen=True)
class Scored:
    """A score, with the tracks that it compared if it was just computed from tracks."""

    score: Score
    tracks: ScoredTracks | None = None


class Scorer:
    """Scores videos made from one dataset.

    If the requirements of a metric are missing (no network, no package), the others are computed.

    Args:
        dataset: Dataset with the protocol.
        options: What to compute, and replacements for parts of the protocol.

    Attributes:
        unavailable: Why a metric cannot be computed here, by its name.

    Raises:
        LookupError: There is no such metric, tracker or text model.
    """

    def __init__(self, dataset: Dataset, options: Options) -> None:
        self.metrics = tuple(metric(name) for name in options.metrics)
        self.unavailable: dict[str, str] = {}
        self._protocol = _effective(dataset.manifest.protocol, options)
        self._loaded: dict[str, Metric] = {}
        resources = LoadedResources(dataset, self._protocol, options.source_tracks, options.device)
        for wanted in self.metrics:
            try:
                self._loaded[wanted.name] = wanted(resources)
            except (ImportError, OSError, ValueError) as error:
                self.unavailable[wanted.name] = str(error)

    def score(self, wanted: type[Metric], task: Task, kept: Score | None) -> Score:
        """The score from `compute`, without the tracks."""
        return self.compute(wanted, task, kept).score

    def compute(self, wanted: type[Metric], task: Task, kept: Score | None) -> Scored:
        """One score of one video, and the tracks that it compared.

        Args:
            wanted: The metric.
            task: The video.
            kept: The score of an earlier run; returned if none of its inputs has changed.

        Returns:
            A score whose value is None, with a note that says why, if there is no number.
        """
        if reason := self.unavailable.get(wanted.name):
            # Weights that are unavailable today do not invalidate yesterday's number.
            origin = self._origin(wanted, task)
            if kept and _scored_under(kept, origin):
                return Scored(kept)
            return Scored(_score(wanted, origin, None, reason))
        origin = self.origin(wanted, task)
        if kept and kept.value is not None and _key(kept) == origin_key(origin):
            if kept.origin == origin:
                return Scored(kept)
            return Scored(kept.model_copy(update={"key": origin_key(origin), "origin": origin}))
        try:
            measured = self._loaded[wanted.name].measure(task)
            check_measured(wanted, measured, len(task.output.frames))
        except ValueError as error:  # concerns this video; others may work
            return Scored(_score(wanted, origin, None, str(error)))
        except Exception as error:  # concerns this metric; others, or other videos, may work
            return Scored(_score(wanted, origin, None, f"{type(error).__name__}: {error}"))
        return Scored(
            _score(wanted, origin, measured.value, measured.note, measured), measured.tracks
        )

    def origin(self, wanted: type[Metric], task: Task) -> dict[str, Any]:
        """All inputs of the number of a metric that can be computed here."""
        return self._origin(wanted, task) | self._loaded[wanted.name].origin(task)

    def _origin(self, wanted: type[Metric], task: Task) -> dict[str, Any]:
        """The inputs of the number that are known without loading anything."""
        fields = {*_FORM, *(name for need in wanted.needs for name in _PROTOCOL.get(need, ()))}
        origin = {
            "metric": wanted.name,
            "version": wanted.version,
            "output": task.pixels,
            "protocol": _named(self._protocol.model_dump(mode="json", include=fields)),
        }
        return origin | ({"prompt": task.prompt} if "text-model" in wanted.needs else {})


def check_measured(wanted: type[Metric], measured: Measured, frames: int) -> None:
    """Reject invalid values of the metric, so that a failed pair cannot beat a video.

    Raises:
        ValueError: The value is not finite or is outside the metric's range by more than
            rounding; or there is not one value by frame for each frame of the output.
    """
    for name, number in {wanted.name: measured.value, **measured.details}.items():
        if not math.isfinite(number):
            raise ValueError(f"The metric gave {number} for '{name}'; numbers must be finite.")
    for name, values in measured.per_frame.items():
        if len(values) != frames or not all(v is None or math.isfinite(v) for v in values):
            raise ValueError(
                f"The metric's values by frame, '{name}', must be {frames} finite numbers (or "
                f"None), one for each frame of the output; got {len(values)}: {values}."
            )
    slack = 1e-5 * (wanted.maximum - wanted.minimum)  # float32
    if not wanted.minimum - slack <= measured.value <= wanted.maximum + slack:
        raise ValueError(
            f"The metric gave {measured.value:g}, outside the range that it declares, "
            f"{wanted.minimum:g} to {wanted.maximum:g}."
        )


def _effective(protocol: Protocol, options: Options) -> Protocol:
    """The protocol with replacements; its scores are not mixed with those of the original."""
    instead = {"tracker": options.tracker, "text_model": options.text_model}
    return protocol.model_copy(update={name: spec for name, spec in instead.items() if spec})


def _libraries(wanted: type[Metric]) -> tuple[str, ...]:
    return ("numpy", "av", *(name for need in wanted.needs for name in _LIBRARIES.get(need, ())))


def _scored_under(kept: Score, origin: dict[str, Any]) -> bool:
    known = pathless(kept.origin)
    same = all(known.get(name) == value for name, value in origin.items())
    return same and kept.value is not None


def _key(kept: Score) -> str:
    """The key of a stored score; a score whose origin has a path counts as one without a path."""
    return origin_key(pathless(kept.origin)) if kept.key == origin_key(kept.origin) else kept.key


def pathless(origin: dict[str, Any]) -> dict[str, Any]:
    """A score's origin without the paths that smmbench wrote into it before its first release."""
    changed = dict(origin)
    if isinstance(protocol := origin.get("protocol"), dict):
        changed["protocol"] = _named(protocol)
    if isinstance(model := origin.get("text_model"), dict):
        changed["text_model"] = _named(model)
    return changed


def _named(values: dict[str, Any]) -> dict[str, Any]:
    """A protocol, or a text model's origin, with `local` in place of a path of this machine."""
    specs = {name: values[name] for name in ("tracker", "text_model") if name in values}
    return values | {n: without_path(spec) for n, spec in specs.items() if isinstance(spec, str)}


def _score(
    wanted: type[Metric],
    origin: dict[str, Any],
    value: float | None,
    note: str,
    measured: Measured | None = None,
) -> Score:
    return Score(
        metric=wanted.name,
        version=wanted.version,
        value=value,
        details=measured.details if measured else {},
        per_frame=measured.per_frame if measured else {},
        libraries=library_versions(_libraries(wanted)) if measured else {},
        note=note,
        key=origin_key(origin),
        origin=origin,
    )
