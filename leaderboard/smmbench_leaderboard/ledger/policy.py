"""Quota and cool-down of submissions, so that nobody can show the best of many attempts.

Every attempt counts, including one that was withdrawn later. Entries of the organisers are not
submissions. leaderboard/docs/policy.md states the rules and their reasons.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from smmbench_leaderboard.ledger.tiers import OF_ORGANISERS, Tier

QUOTA, WINDOW = 3, timedelta(days=90)
"""Maximum number of entries of one submitter on one dataset, and the period in days."""

COOL_DOWN = timedelta(days=14)
"""Minimum time between two entries of one submitter on one dataset."""

LATE = timedelta(days=30)
"""Maximum age of an entry's date when it is added, since merging takes some time."""

_DATED = re.compile(r"(\d{4}-\d\d-\d\d)-.+")


def date_of(name: str) -> date:
    """Return the date at the start of an entry's name, such as `2026-12-01-toy`.

    Raises:
        ValueError: The name does not begin with a date.
    """
    found = _DATED.match(name)
    try:
        return date.fromisoformat(found[1] if found else "")
    except ValueError:
        raise ValueError(
            f"'{name}' does not begin with a date; name an entry like 2026-12-01-my-method."
        ) from None


def refuse_other_days(name: str, today: date) -> None:
    """Reject a name dated in the future or long ago, which would evade quota or cool-down.

    Raises:
        ValueError: The date is not allowed.
    """
    day = date_of(name)
    if day > today + timedelta(days=1):  # it may be tomorrow in another time zone
        raise ValueError(f"'{name}' is dated in the future; today is {today}.")
    if day < today - LATE:
        raise ValueError(
            f"'{name}' is dated more than {LATE.days} days ago; today is {today}. Date an entry by "
            "the day on which it is added."
        )


def submitters(board: Mapping[str, Any]) -> frozenset[tuple[str, str]]:
    """Return the submitters of a board: the label and the contact of each method in it.

    Baselines and controls accompany a method and do not count as submitted.
    """
    found = set()
    for row in board["rows"]:
        card = row.get("card", {})
        if card.get("kind", "method") in ("control", "baseline"):
            continue
        found.add(("label", str(row["label"]).casefold()))
        if contact := str(card.get("contact", "")).strip().casefold():
            found.add(("contact", contact))
    return frozenset(found)


def refuse_too_many(
    name: str, board: Mapping[str, Any], tier: Tier, earlier: Mapping[str, Mapping[str, Any]]
) -> None:
    """Reject a submission that violates the cool-down or the quota.

    Args:
        name: Name of the new entry.
        board: Board of the new entry.
        tier: Its trust tier; a tier that only the organisers assign is not a submission.
        earlier: Boards of the submissions on the same dataset by entry name, including withdrawn
            ones.

    Raises:
        ValueError: The submission is not allowed; the message states what can be done.
    """
    if tier in OF_ORGANISERS:
        return
    day, own = date_of(name), submitters(board)
    same = {one: date_of(one) for one, content in earlier.items() if own & submitters(content)}
    near = {one: then for one, then in same.items() if abs(day - then) < COOL_DOWN}
    within = [one for one, then in same.items() if abs(day - then) < WINDOW]
    ask = "The organisers may allow it: --override 'why' --by NAME, which the entry records."
    if near:
        last = max(near, key=lambda one: near[one])
        raise ValueError(
            f"'{last}' is of the same method or contact, less than {COOL_DOWN.days} days from "
            f"{day}: wait until {near[last] + COOL_DOWN}. {ask}"
        )
    if len(within) >= QUOTA:
        free = min(same[one] for one in within) + WINDOW
        raise ValueError(
            f"{', '.join(sorted(within))} are of the same method or contact: {QUOTA} submissions "
            f"in {WINDOW.days} days are the most; wait until {free}. {ask}"
        )
