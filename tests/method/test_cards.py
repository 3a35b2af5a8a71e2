"""The card of every bundled method is complete."""

from __future__ import annotations

import pytest

from smmbench.cli.method_description import describe
from smmbench.external.recipe.finding import recipe_names
from smmbench.resolving import distribution_of, find_method, method_names

OURS = tuple(
    name
    for name in method_names()
    if distribution_of(name) == "smmbench"
    and not find_method(name).__module__.startswith("smmbench.external")
)
PAPERLESS = {"text-only"}
OF_OUR_OWN = {"smm-grid"}  # a variant that nobody published


@pytest.mark.parametrize("name", OURS)
def test_a_card_says_what_a_reader_of_the_board_must_know(name: str) -> None:
    card = find_method(name).card
    assert card.title and card.licence and card.notes
    if card.kind == "control":
        return
    assert card.kind in ("method", "baseline")
    assert card.backbone and card.values and card.tuned
    assert card.paper or name in PAPERLESS
    assert card.original or name in PAPERLESS | OF_OUR_OWN
    if "settings on emoji" in card.tuned:
        assert "emoji" in find_method(name).presets


@pytest.mark.parametrize("name", OURS)
def test_a_card_has_no_seconds_of_its_own(name: str) -> None:
    """They are measured and stored in the records."""
    card = describe(name).card
    assert card is not None
    words = f"{card.notes} {card.values} {card.tuned}".lower().split()
    assert not {"seconds", "gib", "minutes"} & set(words)


@pytest.mark.parametrize("name", [*method_names(), *recipe_names()])
def test_every_parameter_says_what_it_means(name: str) -> None:
    empty = [one.name for one in describe(name).parameters if not one.help.strip()]
    assert not empty
