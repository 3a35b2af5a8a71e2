"""Versions of libraries: equal within what was measured, another condition beyond it."""

from __future__ import annotations

import pytest

from smmbench.results import Score
from smmbench.scoring.libraries import SHOWN, equal_versions, unequal_libraries, with_ranges


def score(**libraries: str) -> Score:
    return Score(
        metric="text_similarity", version=1, value=0.5, key="0" * 64, origin={}, libraries=libraries
    )


@pytest.mark.parametrize(
    ("tracker", "one", "other", "equal"),
    [
        ("dis", "4.10.0", "4.13.0", True),
        ("dis", "4.13.0", "5.0.0", False),
        ("lucas-kanade", "4.13.0", "5.0.0", True),
        ("farneback", "4.10.0", "5.0.0", True),
        ("dis", "6.0", "6.0", True),
        ("dis", "6.0", "6.1", False),
        ("another", "4.10.0", "4.11.0", False),
        ("dis", "no version", "4.10.0", False),
    ],
)
def test_opencv_is_equal_within_a_range(tracker: str, one: str, other: str, equal: bool) -> None:
    assert equal_versions(tracker, one, other) is equal
    assert equal_versions(tracker, other, one) is equal
    conditions = [{"tracker": {"tracker": tracker, "opencv": which}} for which in (one, other)]
    assert (with_ranges(conditions[0]) == with_ranges(conditions[1])) is equal


def test_open_clip_is_equal_within_its_range_and_all_else_stays() -> None:
    one, other, third = ({"a": [1, {"open_clip": v}]} for v in ("3.2.0", "3.3.0", "3.4.0"))
    assert with_ranges(one) == with_ranges(other) != with_ranges(third)
    assert with_ranges({"a": 1, "b": [None, "x"]}) == {"a": 1, "b": [None, "x"]}


@pytest.mark.parametrize("name", SHOWN)
def test_versions_beyond_what_was_measured_are_another_condition(name: str) -> None:
    inside = {"numpy": "2.0.2", "scipy": "1.16.3", "av": "17.0.0", "torch": "2.14.1+cu130"}[name]
    also = {"numpy": "1.26.4", "scipy": "1.14.1", "av": "18.1.0", "torch": "2.11.0"}[name]
    assert unequal_libraries(score(**{name: inside}), score(**{name: also})) == ""
    assert unequal_libraries(score(**{name: "99.0"}), score(**{name: "99.0"})) == ""
    said = unequal_libraries(score(**{name: "99.0"}), score(**{name: inside}))
    assert "99.0" in said and inside in said
    assert unequal_libraries(score(), score(**{name: inside})) == ""  # an older file says nothing
