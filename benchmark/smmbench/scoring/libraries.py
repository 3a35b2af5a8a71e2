"""Versions of libraries that give equal numbers, for boards and `verify`.

A number depends on the libraries that computed it. For each library that is known to matter,
`EQUAL` lists the ranges of versions within which the numbers were measured to be bit-identical.
Versions of different ranges, or outside all ranges, are different conditions, and numbers are not
compared across them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion, Version

from smmbench.display import plain
from smmbench.results import Score

TITLES = {
    "cv2": "OpenCV", "av": "PyAV", "torch": "PyTorch", "open_clip": "open_clip",
    "numpy": "NumPy", "scipy": "SciPy",
}  # fmt: skip

# Tracks of 16 clips of `emoji` and `emoji-val` under OpenCV 4.10.0, 4.11.0, 4.13.0 and 5.0.0:
# those of Lucas-Kanade and Farnebäck are the same to the bit under all four, those of dense inverse
# search (`dis`) under the first three; under 5.0.0 every clip's differ, which moves motion fidelity
# by .005 in the mean and by up to .015.
EQUAL: Mapping[str, tuple[str, ...]] = {
    "dis": (">=4.10,<4.14", ">=5.0,<5.1"),
    "lucas-kanade": (">=4.10,<5.1",),
    "farneback": (">=4.10,<5.1",),
}
"""Ranges of OpenCV versions that give equal tracks, by tracker."""

EQUAL_OPEN_CLIP = (">=3.2,<3.4",)
"""Ranges of open_clip versions that give bit-identical embeddings: 3.2.0 and 3.3.0."""

# Text similarity, temporal consistency, motion fidelity and marks of 12 videos of `emoji` (copies
# and outputs), scored under NumPy 1.26.4, 2.0.2, 2.2.6 and 2.4.6 (scores at most 3e-16 apart,
# marks 2e-15), SciPy 1.14.1, 1.16.3 and 1.17.1 and PyAV 17.0.0 and 18.1.0 (equal to the bit: FFV1
# is lossless, and pixels are hashed). 6 of the copies were scored under PyTorch 2.11.0 on an H100
# with NumPy 2.5.2 too: text similarity at most 4e-8 from that of 2.14.1 on a CPU, motion fidelity
# equal to the bit.
SHOWN: Mapping[str, str] = {
    "numpy": ">=1.26,<2.6",
    "scipy": ">=1.14,<1.18",
    "av": ">=17,<19",
    "torch": ">=2.11,<2.15",
}
"""Versions within which numbers were measured to be equal up to the tolerance of `verify`."""


def unequal_libraries(claim: Score, own: Score) -> str:
    """List the libraries whose versions do not give equal numbers.

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
    theirs, ours = (getattr(score, "libraries", {}) for score in (claim, own))
    apart += [
        f"scored with {TITLES[name]} {plain(theirs[name], 40)}; here {ours[name]}"
        for name, known in SHOWN.items()
        if name in theirs and name in ours and theirs[name] != ours[name]
        if not all(_within(known, version) for version in (theirs[name], ours[name]))
    ]
    return ", ".join(dict.fromkeys(apart))


def opencv_of(score: Score) -> dict[str, str]:
    """Version of OpenCV that computed a score, by the tracker or flow that used it."""
    return {
        str(part.get("tracker") or part.get("flow") or ""): str(part["opencv"])
        for part in _objects(score.origin)
        if "opencv" in part
    }


def other_libraries(claim: Score, own: Score) -> str:
    """List the libraries with another version than here, whether or not that is known to matter."""
    theirs, ours = (getattr(score, "libraries", {}) for score in (claim, own))
    return ", ".join(
        f"{TITLES.get(name, name)} {plain(theirs[name], 40)} (here {ours[name]})"
        for name in sorted(theirs.keys() & ours.keys())
        if theirs[name] != ours[name]
    )


def with_ranges(conditions: Any) -> Any:
    """Return the conditions of a score, with each version replaced by its range of equal versions.

    Two scores were computed under the same conditions if the results are equal.
    """
    if isinstance(conditions, list):
        return [with_ranges(inner) for inner in conditions]
    if not isinstance(conditions, dict):
        return conditions
    known = {name: with_ranges(inner) for name, inner in conditions.items()}
    if isinstance(conditions.get("opencv"), str):
        tracker = str(conditions.get("tracker") or conditions.get("flow") or "")
        known["opencv"] = _range_of(EQUAL.get(tracker, ()), conditions["opencv"])
    if isinstance(conditions.get("open_clip"), str):
        known["open_clip"] = _range_of(EQUAL_OPEN_CLIP, conditions["open_clip"])
    return known


def _range_of(ranges: Sequence[str], version: str) -> str:
    """The range of equal versions that contains a version; the version itself if there is none."""
    return next((known for known in ranges if _within(known, version)), version)


def _within(known: str, version: str) -> bool:
    try:
        return Version(version) in SpecifierSet(known, prereleases=True)
    except InvalidVersion:
        return False


def equal_versions(tracker: str, one: str, other: str) -> bool:
    """Whether two versions of OpenCV are known to give the same tracks."""
    ranges = EQUAL.get(tracker, ())
    return _range_of(ranges, one) == _range_of(ranges, other)


def _objects(value: object) -> Iterator[dict[str, object]]:
    """An object of JSON and all objects within it."""
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from _objects(inner)
