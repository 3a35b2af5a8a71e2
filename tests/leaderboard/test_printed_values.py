"""Values that papers print: each has its source, and contradictions between papers are found."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.builders.board_tree import BoardTree

from smmbench_leaderboard.board.build import make_board
from smmbench_leaderboard.formats import to_cards
from smmbench_leaderboard.literature.contradictions import reversals, spread_of
from smmbench_leaderboard.literature.page import page
from smmbench_leaderboard.literature.printed import (
    AXES,
    Printed,
    PrintedTable,
    PrintedValue,
    method_of,
    printed_of,
    printed_tables,
    shown_name,
)
from smmbench_leaderboard.literature.references import WORKS
from smmbench_leaderboard.site.build import site_of_results

ROOT = Path(__file__).parents[2]
SMM = "Yatim et al., CVPR 2024, https://arxiv.org/abs/2311.17009"
KNOWN = {work.key for work in WORKS}


def table(name: str, work: str = "", **values: float) -> PrintedTable:
    return PrintedTable(
        name=name,
        work=work or name,
        paper=name,
        address="https://example.org",
        table="Table 1",
        data="some clips",
        motion="motion fidelity",
        text_model="some model",
        scale=100.0,
        reading="transcription",
        read_from=("somewhere",),
        values=tuple(PrintedValue(method=m, printed=m, motion=v) for m, v in values.items()),
    )


def test_every_value_is_possible_and_every_table_says_where_it_was_read() -> None:
    tables = printed_tables()
    assert len({one.name for one in tables}) == len(tables)
    for one in tables:
        assert one.read_from and one.address.startswith("https://")
        assert (one.reading == "plot") == (one.precision is not None)
        for value in one.values:
            assert value.motion is not None or value.text is not None
            for axis in AXES:
                number = one.on(axis, value)
                assert number is None or 0 < number < 1


def test_works_are_listed_or_have_no_key() -> None:
    """A typing error in a key would hide a value from its method."""
    for one in printed_tables():
        for key in (one.work, *(value.method for value in one.values)):
            assert key in KNOWN or not any(sign.isdigit() for sign in key), key
            assert key not in KNOWN or shown_name(key) != key


def test_a_single_transcription_is_never_called_confirmed() -> None:
    for one in printed_tables():
        for value in one.values:
            read = Printed(table=one, value=value).read
            if one.reading == "transcription" and (len(one.read_from) < 2 or not one.checked):
                assert read == "one transcription, not confirmed"


@pytest.mark.parametrize(
    ("entry", "paper", "work"),
    [
        ("smmbench.smm:SMM", SMM, "yatim2024space"),
        ("recipe:official-smm", SMM, "yatim2024space"),
        ("smmbench_baselines.smm_grid:SMMGrid", f"a variant of {SMM}", ""),
        ("smmbench_baselines.smm_ditflow:SMMDiTFlow", "Pondaven et al., arXiv:2412.07776", ""),
        ("smmbench_baselines.controls:Noise", "", ""),
        ("mine:Method", "somebody, 2026", ""),
    ],
)
def test_a_variant_has_none_of_the_values_of_the_paper(entry: str, paper: str, work: str) -> None:
    assert method_of(entry, paper) == work


def test_a_reversal_needs_two_papers_and_both_orders() -> None:
    agree = [table("one", a=0.8, b=0.7), table("two", a=0.9, b=0.2)]
    assert reversals(agree, "motion") == []
    within = [table("one", "paper", a=0.8, b=0.7), table("two", "paper", a=0.6, b=0.7)]
    assert reversals(within, "motion") == []
    (found,) = reversals([*agree, table("three", a=0.1, b=0.2)], "motion")
    assert (found.first, found.second) == ("a", "b")
    assert [one.name for one in found.ahead] == ["one", "two"]
    assert [one.name for one in found.behind] == ["three"]
    tie = [table("one", a=0.8, b=0.8), table("two", a=0.9, b=0.2)]
    assert reversals(tie, "motion") == []


def test_a_spread_is_over_papers_and_leaves_other_quantities_out() -> None:
    spread = spread_of("ling2025motionclone", "motion")
    assert spread is not None
    values = [
        one.motion
        for one in printed_of("ling2025motionclone")
        if one.table.same_quantity and one.motion is not None
    ]
    assert (spread.low, spread.high) == (min(values), max(values)) and spread.low < spread.high
    assert spread_of("meng2022sdedit", "motion") is None  # one paper alone
    assert spread_of("unheard of", "motion") is None


def test_the_page_of_the_documentation_is_of_these_values() -> None:
    written = ROOT / "leaderboard" / "docs" / "printed-values.md"
    assert written.read_text(encoding="utf-8") == page()


def test_cards_and_site_show_them_beside_what_was_measured(tmp_path: Path) -> None:
    tree = BoardTree(tmp_path)
    for label in ("ours", "own"):
        tree.whole(label, motion=0.5)
    card = tree.results / "ours" / "method.json"
    card.write_text(card.read_text().replace('"paper": ""', f'"paper": "{SMM}"'))
    (of_ours, of_own) = to_cards(make_board(tree.results, str(tree.manifest))).split("### own")
    assert "Printed elsewhere" in of_ours and "Printed elsewhere" not in of_own
    site_of_results(tree.results, tmp_path / "site", [str(tree.manifest)])
    method = (tmp_path / "site/toy/methods/ours.html").read_text()
    for one in printed_of("yatim2024space"):
        assert one.table.paper in method and one.read in method
    assert 'id="printed"' not in (tmp_path / "site/toy/methods/own.html").read_text()
    board = (tmp_path / "site/index.html").read_text()
    assert board.count("as SMM (DMT)") == 1
    shown = (tmp_path / "site/printed.html").read_text()
    assert all(one.address in shown for one in printed_tables())
