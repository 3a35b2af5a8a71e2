"""The ledger: what goes in comes back, nothing is edited unseen, and everything stays."""

from __future__ import annotations

import hashlib
import json
import lzma
import subprocess
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from smmbench.cli import app
from smmbench_leaderboard.ledger.adding import add_board
from smmbench_leaderboard.ledger.chain import CHAIN, faults_of, history_faults, seal
from smmbench_leaderboard.ledger.entries import (
    EntryFacts,
    Notice,
    add_notice,
    notices_of,
    read_board,
    standing,
)
from smmbench_leaderboard.ledger.packing import pack_board, unpack_board

PUBLISHED = Path(__file__).parents[2] / "leaderboard/entries"
ONE, TWO = "toys/2026-01-01-one.board.xz", "toys/2026-01-02-two.board.xz"
LARGEST = 100  # bytes per pair: its numbers, the hash of its pixels, a share of the card


def pair(clip: str, **values: float) -> dict[str, Any]:
    digest = hashlib.sha256(clip.encode()).hexdigest() if values else ""
    return {"clip": clip, "seed": 0, "pixels_sha256": digest, "values": values}


def board(value: float = 0.1) -> dict[str, Any]:
    rows = [
        {"label": "a", "pairs": [pair("x", text=value, motion=1 / 3), pair("y", text=-1.0)]},
        {"label": "b", "pairs": [pair("x"), pair("y", text=0.7, motion=2e-300)]},
    ]
    return {"dataset": "toys", "columns": [], "rows": rows, "notes": ["n"]}


def added(folder: Path, name: str, value: float = 0.1) -> Path:
    path = folder.parent / f"{name}.json"
    path.write_text(json.dumps(board(value)))
    return add_board(folder, name, path, EntryFacts(tier="organisers", by="me"))


def git(folder: Path, *words: str) -> None:
    who = ("-c", "user.name=t", "-c", "user.email=t@t")
    subprocess.run(["git", "-C", str(folder), *who, *words], check=True, capture_output=True)


def test_what_is_packed_comes_back_to_the_last_digit() -> None:
    assert unpack_board(pack_board(board())) == board()
    assert pack_board(board()) == pack_board(board())


@pytest.mark.parametrize("text", [b"", b"no xz", lzma.compress(b"{}"), pack_board(board())[:-9]])
def test_what_is_no_entry_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError, match="no entry of a ledger"):
        unpack_board(text)


def test_the_published_entries_are_small_and_sealed() -> None:
    paths = sorted(PUBLISHED.rglob("*.board.xz"))
    assert len(paths) >= 6
    for path in paths:
        pairs = sum(len(row["pairs"]) for row in read_board(path)["rows"])
        assert path.stat().st_size <= LARGEST * pairs, path.name
    assert faults_of(PUBLISHED) == []


def test_two_submitters_do_not_collide(tmp_path: Path) -> None:
    folder = tmp_path / "ledger"
    one, two = added(folder, "2026-01-01-one"), added(folder, "2026-01-02-two", 0.2)
    assert not (folder / CHAIN).exists()
    assert [link.path for link in seal(folder)] == [ONE, TWO]
    assert faults_of(folder) == [] and read_board(one) != read_board(two)
    with pytest.raises(ValueError, match="never edited"):
        added(folder, "2026-01-01-one", 0.3)


def test_edits_removals_and_broken_chains_are_found(tmp_path: Path) -> None:
    folder = tmp_path / "ledger"
    one, two = added(folder, "2026-01-01-one"), added(folder, "2026-01-02-two", 0.2)
    assert "not sealed" in faults_of(folder)[0]
    seal(folder)
    kept = one.read_bytes()
    one.write_bytes(two.read_bytes())
    assert "'toys/2026-01-01-one.board.xz' was edited" in faults_of(folder)[0]
    one.unlink()
    assert "was removed" in faults_of(folder)[0]
    one.write_bytes(kept)
    lines = (folder / CHAIN).read_text().splitlines()
    (folder / CHAIN).write_text("\n".join(reversed(lines)) + "\n")
    assert "chain is broken" in faults_of(folder)[-1]


def test_history_finds_what_a_new_chain_hides(tmp_path: Path) -> None:
    folder = tmp_path / "clone" / "ledger"
    folder.mkdir(parents=True)
    assert "no git clone" in history_faults(folder)[1]
    git(tmp_path / "clone", "init")
    one = added(folder, "2026-01-01-one")
    seal(folder)
    git(folder, "add", ".")
    git(folder, "commit", "-m", "one")
    assert history_faults(folder) == ([], "")
    one.unlink()
    (folder / CHAIN).unlink()
    added(folder, "2026-01-01-one", 0.9)
    seal(folder)
    git(folder, "add", ".")
    git(folder, "commit", "-m", "as if it had always been so")
    assert faults_of(folder) == []
    edited, _ = history_faults(folder)
    assert any("was edited" in fault for fault in edited)
    assert any("no beginning of today's" in fault for fault in edited)
    git(tmp_path, "clone", "--depth", "1", (tmp_path / "clone").as_uri(), "shallow")
    assert "shallow" in history_faults(tmp_path / "shallow" / "ledger")[1]


def test_withdrawals_and_corrections_name_what_they_are_of(tmp_path: Path) -> None:
    folder = tmp_path / "ledger"
    added(folder, "2026-01-01-one")
    added(folder, "2026-01-02-two", 0.2)
    why: dict[str, Any] = {"reason": "A fault.", "by": "me"}
    add_notice(folder, "2026-01-03-three", Notice(of=ONE, method="a", **why))
    new = Notice(of=ONE, method="b", replaced_by=TWO, **why)
    add_notice(folder, "2026-01-04-four", new)
    notices = notices_of(folder)
    assert standing(folder, ONE, "a", notices) == "withdrawn: A fault."
    assert f"corrected by {TWO}" in standing(folder, ONE, "b", notices)
    assert standing(folder, TWO, "a", notices) == ""
    for of, method in (("toys/none.board.xz", ""), ("../x", ""), (ONE, "c")):
        with pytest.raises(ValueError, match=r"no entry|no row"):
            add_notice(folder, "2026-01-05-five", Notice(of=of, method=method, **why))


@pytest.mark.parametrize("words", [("list",), ("check",), ("show", "emoji/a.board.xz")])
def test_a_folder_that_is_not_there_is_no_ledger(words: tuple[str, ...], tmp_path: Path) -> None:
    """A mistyped folder must not pass for an empty ledger that is unchanged."""
    result = CliRunner().invoke(app, ["ledger", *words, "--ledger", str(tmp_path / "typo")])
    assert isinstance(result.exception, ValueError) and "No ledger in" in str(result.exception)
    assert "unchanged" not in result.output


def test_an_entry_that_is_not_there_is_answered_with_those_that_are(tmp_path: Path) -> None:
    folder = tmp_path / "ledger"
    added(folder, "2026-01-01-one")
    words = ["ledger", "show", "--ledger", str(folder)]
    assert CliRunner().invoke(app, [*words, ONE]).exit_code == 0
    for name in (ONE.removesuffix(".board.xz"), f"../ledger/{ONE}"):  # nothing outside the ledger
        result = CliRunner().invoke(app, [*words, name])
        assert isinstance(result.exception, LookupError) and ONE in str(result.exception)
