"""The rules of the ledger as code: tiers, quota and cool-down, takedowns, and what retires."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from tests.leaderboard.test_ledger import board
from typer.testing import CliRunner

from smmbench.cli import app
from smmbench.metrics.registry import metric
from smmbench_leaderboard.ledger.adding import add_board
from smmbench_leaderboard.ledger.chain import faults_of, seal
from smmbench_leaderboard.ledger.entries import (
    EntryFacts,
    Notice,
    add_notice,
    notices_of,
    read_board,
    read_entry,
    standing,
    taken_down,
    tier_of,
)
from smmbench_leaderboard.ledger.listing import lines_of
from smmbench_leaderboard.ledger.policy import refuse_other_days, submitters
from smmbench_leaderboard.ledger.retiring import retired
from smmbench_leaderboard.ledger.tiers import OF_ORGANISERS, TIERS

PUBLISHED = Path(__file__).parents[2] / "leaderboard/entries"
WHY: dict[str, Any] = {"reason": "A fault.", "by": "me"}


def content(label: str = "mine", contact: str = "", kind: str = "method") -> dict[str, Any]:
    made = board()
    card = {"title": "T", "kind": kind, "contact": contact}
    return made | {"rows": [made["rows"][0] | {"label": label, "card": card}]}


def added(folder: Path, name: str, made: Any = None, **facts: Any) -> Path:
    path = folder.parent / "board.json"
    path.write_text(json.dumps(content() if made is None else made))
    return add_board(folder, name, path, EntryFacts(**facts))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "ledger"


def test_a_second_submission_waits_for_the_cool_down(folder: Path) -> None:
    added(folder, "2026-01-01-mine")
    with pytest.raises(ValueError, match="wait until 2026-01-15"):
        added(folder, "2026-01-14-mine")
    added(folder, "2026-01-15-mine")


def test_the_quota_is_counted_over_ninety_days(folder: Path) -> None:
    for day in ("2026-01-01", "2026-01-20", "2026-02-10"):
        added(folder, f"{day}-mine")
    with pytest.raises(ValueError, match="wait until 2026-04-01"):
        added(folder, "2026-03-10-mine")
    added(folder, "2026-04-01-mine")


def test_withdrawing_frees_no_place(folder: Path) -> None:
    added(folder, "2026-01-01-mine")
    add_notice(folder, "2026-01-02-out", Notice(of="toys/2026-01-01-mine.board.xz", **WHY))
    with pytest.raises(ValueError, match="less than 14 days"):
        added(folder, "2026-01-03-mine")


def test_another_label_of_the_same_contact_is_the_same_submitter(folder: Path) -> None:
    added(folder, "2026-01-01-one", content("one", "Me@example.org"))
    with pytest.raises(ValueError, match="same method or contact"):
        added(folder, "2026-01-02-two", content("two", "me@example.org "))
    added(folder, "2026-01-02-two", content("two", "you@example.org"))


def test_an_earlier_date_is_no_way_around_the_cool_down(folder: Path) -> None:
    added(folder, "2026-01-20-mine")
    with pytest.raises(ValueError, match="less than 14 days"):
        added(folder, "2026-01-10-mine")
    for name, why in (("2026-02-03-x", "future"), ("2025-12-01-x", "more than 30 days ago")):
        with pytest.raises(ValueError, match=why):
            refuse_other_days(name, date(2026, 2, 1))
    refuse_other_days("2026-02-02-x", date(2026, 2, 1))
    for name in ("toy", "2026-13-01-toy", "2026-01-01"):
        with pytest.raises(ValueError, match="does not begin with a date"):
            refuse_other_days(name, date(2026, 2, 1))


def test_an_exception_is_an_organisers_and_is_recorded(folder: Path) -> None:
    added(folder, "2026-01-01-mine")
    with pytest.raises(ValueError, match="--by says who"):
        added(folder, "2026-01-02-mine", override="A fault of ours.")
    path = added(folder, "2026-01-02-mine", override="A fault of ours.", by="an organiser")
    facts = read_entry(path)[1]
    assert (facts.override, facts.by) == ("A fault of ours.", "an organiser")
    assert read_board(path) == content()  # the board is as it was added


def test_boards_of_the_organisers_are_no_submissions(folder: Path) -> None:
    for day in range(1, 6):
        added(folder, f"2026-01-0{day}-all", tier="organisers", by="me")
    added(folder, "2026-01-06-mine")
    with pytest.raises(ValueError, match="--by says who"):
        added(folder, "2026-01-07-mine", tier="regenerated")


def test_controls_and_baselines_beside_a_method_are_nobodys_submission() -> None:
    assert (
        submitters(content(kind="control")) == submitters(content(kind="baseline")) == frozenset()
    )
    assert submitters(content(contact="A")) == {("label", "mine"), ("contact", "a")}


def test_a_verified_report_is_recomputed_and_names_its_archive(folder: Path) -> None:
    report = {"verdict": "verified", "archive_sha256": "ab", "board": content()}
    facts = read_entry(added(folder, "2026-01-01-mine", report))[1]
    assert (facts.tier, facts.archive_sha256) == ("recomputed", "ab")
    for verdict in ("differs", "unscored", "refused"):
        with pytest.raises(ValueError, match="not verified"):
            added(folder, "2026-03-01-mine", report | {"verdict": verdict})


def test_a_tier_changes_by_a_notice_and_the_last_one_holds(folder: Path) -> None:
    facts = read_entry(added(folder, "2026-01-01-mine"))[1]
    of = "toys/2026-01-01-mine.board.xz"
    add_notice(folder, "2026-01-03-t", Notice(of=of, tier="regenerated", **WHY))
    add_notice(folder, "2026-01-02-t", Notice(of=of, tier="recomputed", **WHY))
    notices = notices_of(folder)
    assert tier_of(of, "mine", facts, notices) == "regenerated"
    assert tier_of("toys/other", "mine", facts, notices) == "self-reported"
    assert standing(folder, of, "mine", notices) == ""  # a tier withdraws nothing
    assert frozenset(TIERS) > OF_ORGANISERS


def test_a_takedown_removes_media_and_never_hashes(folder: Path) -> None:
    path = added(folder, "2026-01-01-mine")
    seal(folder)
    before = path.read_bytes()
    hashes = {p["pixels_sha256"] for row in read_board(path)["rows"] for p in row["pairs"]}
    assert taken_down(folder) == frozenset()
    of = "toys/2026-01-01-mine.board.xz"
    add_notice(folder, "2026-01-02-out", Notice(of=of, media_removed=True, **WHY))
    seal(folder)
    assert path.read_bytes() == before and faults_of(folder) == []
    assert taken_down(folder) == hashes - {""} and hashes - {""}
    assert "videos were taken down" in standing(folder, of, "mine", notices_of(folder))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"dataset": "../../escaped"}, "no dataset"),
        ({"dataset": "/tmp/escaped"}, "no dataset"),
        ({"rows": [1]}, "no board"),
        ({"rows": [{"label": "a"}]}, "no board"),
        ({"rows": [{"label": "a", "pairs": [{}]}]}, "no board"),
        ({"rows": {"a": 1}}, "no board"),
        ({"columns": None, "rows": 5}, "no board"),
    ],
)
def test_what_is_no_board_is_refused_and_leaves_nothing(
    folder: Path, change: dict[str, Any], why: str
) -> None:
    with pytest.raises(ValueError, match=why):
        added(folder, "2026-01-01-mine", content() | change)
    assert [path.name for path in folder.parent.rglob("*") if path.is_file()] == ["board.json"]


def test_a_row_retires_with_a_version_of_one_axis() -> None:
    column = {
        "metric": "motion_fidelity",
        "detail": "",
        "version": metric("motion_fidelity").version,
    }
    assert retired({"columns": [column]}) == ""
    assert "under version 1 of motion_fidelity" in retired({"columns": [column | {"version": 1}]})
    other = column | {"metric": "temporal_consistency", "version": 0}
    assert retired({"columns": [column, other]}) == ""  # it does not rank


def test_the_published_entries_have_their_tiers() -> None:
    notices = notices_of(PUBLISHED)
    for path in PUBLISHED.rglob("*.board.xz"):
        name, facts = path.relative_to(PUBLISHED).as_posix(), read_entry(path)[1]
        assert tier_of(name, "", facts, notices) == "organisers"
    words = ["ledger", "list", "--ledger", str(PUBLISHED)]
    lines = CliRunner().invoke(app, [*words, "--rows"]).output.splitlines()
    assert sum("retired" in line for line in lines) == 13  # of the first board
    assert all("  organisers" in line for line in lines)
    by_entry = CliRunner().invoke(app, words).output.splitlines()
    (first,) = (line for line in by_entry if "retired" in line)
    assert "  13 rows  organisers  retired" in first
    assert {line.split("  ")[0] for line in by_entry} == {line.split("  ")[0] for line in lines}


def test_rows_of_one_state_share_a_line(folder: Path) -> None:
    made = content()
    made["rows"] = [made["rows"][0] | {"label": label} for label in "abc"]
    path = added(folder, "2026-01-01-one", made)
    of = path.relative_to(folder).as_posix()
    assert list(lines_of(folder)) == [f"{of}  3 rows  self-reported"]
    add_notice(folder, "2026-01-02-out", Notice(of=of, method="b", **WHY))
    whole, part = lines_of(folder)
    assert whole == f"{of}  2 rows  self-reported"
    assert part == f"{of}  b  self-reported  withdrawn: A fault."
    assert [line.split("  ")[1] for line in lines_of(folder, by_row=True)] == ["a", "b", "c"]


def test_outside_a_clone_the_published_ledger_is_listed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SMMBENCH_LEDGER", raising=False)
    monkeypatch.chdir(folder.parent)
    listed = CliRunner().invoke(app, ["ledger", "list"]).output.splitlines()
    assert listed == list(lines_of(PUBLISHED))
    here = folder.parent / "leaderboard" / "entries"
    here.mkdir(parents=True)
    assert CliRunner().invoke(app, ["ledger", "list"]).output == ""  # the one that is there


def test_the_command_adds_and_refuses(folder: Path) -> None:
    path = folder.parent / "board.json"
    path.write_text(json.dumps(content()))
    today = date.today().isoformat()
    words = ["ledger", "add", str(path), "--ledger", str(folder), "--name"]
    assert CliRunner().invoke(app, [*words, f"{today}-mine"]).exit_code == 0
    for name in (f"{today}-again", "2020-01-01-mine", "mine"):
        result = CliRunner().invoke(app, [*words, name])
        assert isinstance(result.exception, ValueError), name
