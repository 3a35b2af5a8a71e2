"""Who may submit how often: a quota and a cool-down, so that no one shows the best of many tries.

Every attempt counts, also one that was withdrawn since. Entries of the organisers are no
submissions. The rules and their reasons: leaderboard/docs/policy.md.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from smmbench_leaderboard.ledger.tiers import OF_ORGANISERS, Tier

QUOTA, WINDOW = 3, timedelta(days=90)
"""Entries of one submitter on one dataset, and the days that they are counted over."""

COOL_DOWN = timedelta(days=14)
"""Least time between two entries of one submitter on one dataset."""

LATE = timedelta(days=30)
"""How long before today an entry may be dated: a pull request takes a while to be merged."""

_DATED = re.compile(r"(\d{4}-\d\d-\d\d)-.+")


def date_of(name: str) -> date:
    """The date that the name of an entry begins with, such as `2026-12-01-toy`.

    Raises:
        ValueError: It begins with none.
    """
    found = _DATED.match(name)
    try:
        return date.fromisoformat(found[1] if found else "")
    except ValueError:
        raise ValueError(
            f"'{name}' does not begin with a date; name an entry like 2026-12-01-my-method."
        ) from None


def refuse_other_days(name: str, today: date) -> None:
    """Refuse a name that is dated in the future or long ago: it would escape quota or cool-down.

    Raises:
        ValueError: It is.
    """
    day = date_of(name)
    if day > today + timedelta(days=1):  # it is tomorrow elsewhere
        raise ValueError(f"'{name}' is dated in the future; today is {today}.")
    if day < today - LATE:
        raise ValueError(
            f"'{name}' is dated more than {LATE.days} days ago; today is {today}. Date an entry by "
            "the day on which it is added."
        )


def submitters(board: Mapping[str, Any]) -> frozenset[tuple[str, str]]:
    """Who submits a board: the label of each method in it, and the contact on each card.

    Baselines and controls are beside a method, and not what is submitted.
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
    """Refuse a submission that is too soon after the last one, or one too many.

    Args:
        name: Of the new entry.
        board: Its board.
        tier: Its trust tier; what only the organisers can give is no submission.
        earlier: Boards of the submissions on the same dataset by the names of their entries,
            withdrawn ones among them.

    Raises:
        ValueError: It is; the message says what can be done.
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
