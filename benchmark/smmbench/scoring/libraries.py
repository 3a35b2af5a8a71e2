"""Which versions of a library give equal numbers: what boards and `verify` ask before they judge.

A number depends on the libraries that computed it. For each that is known to matter, `EQUAL` has
the ranges of versions within which the numbers were measured to be equal to the bit; versions of
two ranges, or outside of all, are two conditions: numbers are not compared across them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion, Version

from smmbench.display import plain
from smmbench.results import Score

TITLES = {"cv2": "OpenCV", "av": "PyAV", "torch": "PyTorch", "open_clip": "open_clip"}

# Tracks of 16 clips of `emoji` and `emoji-val` under OpenCV 4.10.0, 4.11.0, 4.13.0 and 5.0.0:
# Lucas-Kanade's are the same to the bit under all four, those of dense inverse search (`dis`)
# under the first three; under 5.0.0 every clip's differ, which moves motion fidelity by .005 in
# the mean and by up to .015.
EQUAL: Mapping[str, tuple[str, ...]] = {
    "dis": (">=4.10,<4.14", ">=5.0,<5.1"),
    "lucas-kanade": (">=4.10,<5.1",),
}
"""Ranges of OpenCV's versions that give equal tracks, by the tracker that computes them."""


def unequal_libraries(claim: Score, own: Score) -> str:
    """Name the libraries whose versions do not give equal numbers; empty if there are none.

    Args:
        claim: The claimed score.
        own: The score that was computed here.
    """
    theirs, ours = opencv_of(claim), opencv_of(own)
    apart = [
        f"scored with {TITLES['cv2']} {plain(theirs[tracker], 40)}; here {ours[tracker]}"
        for tracker in sorted(theirs.keys() & ours.keys())
        if not equal_versions(tracker, theirs[tracker], ours[tracker])
    ]
    return ", ".join(dict.fromkeys(apart))


def opencv_of(score: Score) -> dict[str, str]:
    """Version of OpenCV that computed a score, by the tracker or flow that asked it."""
    return {
        str(part.get("tracker") or part.get("flow") or ""): str(part["opencv"])
        for part in _objects(score.origin)
        if "opencv" in part
    }


def other_libraries(claim: Score, own: Score) -> str:
    """Name the libraries of another version than here, whether or not that is known to matter."""
    theirs, ours = (getattr(score, "libraries", {}) for score in (claim, own))
    return ", ".join(
        f"{TITLES.get(name, name)} {plain(theirs[name], 40)} (here {ours[name]})"
        for name in sorted(theirs.keys() & ours.keys())
        if theirs[name] != ours[name]
    )


def with_ranges(conditions: Any) -> Any:
    """Give conditions of a score with each version replaced by the range that it is equal within.

    Two scores were computed under the same conditions if what this gives is the same.
    """
    if isinstance(conditions, list):
        return [with_ranges(inner) for inner in conditions]
    if not isinstance(conditions, dict):
        return conditions
    known = {name: with_ranges(inner) for name, inner in conditions.items()}
    if isinstance(conditions.get("opencv"), str):
        tracker = str(conditions.get("tracker") or conditions.get("flow") or "")
        known["opencv"] = _range_of(tracker, conditions["opencv"])
    return known


def _range_of(tracker: str, version: str) -> str:
    """The range of equal versions that a version lies in; itself if it lies in none."""
    try:
        parsed = Version(version)
    except InvalidVersion:
        return version
    ranges = EQUAL.get(tracker, ())
    return next((r for r in ranges if parsed in SpecifierSet(r, prereleases=True)), version)


def equal_versions(tracker: str, one: str, other: str) -> bool:
    """Whether two versions of OpenCV are known to give the same tracks."""
    return _range_of(tracker, one) == _range_of(tracker, other)


def _objects(value: object) -> Iterator[dict[str, object]]:
    """An object of JSON and all objects within it."""
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from _objects(inner)
