"""Errors of usage: one line that says what came, what is possible and where to read more."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (("run", "--method", "smm", "--limit", "0"), ("--limit", "1", "got '0'", "run -h")),
        (("score", "--workers", "two"), ("--workers", "integer", "got 'two'", "score -h")),
        (("leaderboard", "--scope", "all"), ("'all'", "full", "shared", "leaderboard -h")),
        (("run", "--limt", "2"), ("--limt", "--limit", "run -h")),
        (("ledger", "lst"), ("'lst'", "Did you mean 'list'?", "ledger -h")),
        (("run",), ("Missing option '--method'", "run -h")),
        (("verify",), ("Missing argument", "verify -h")),
        (("--quite", "run"), ("--quite", "smmbench -h")),
        (("run", "--method"), ("--method", "argument")),
    ],
)
def test_wrong_usage_is_one_line(
    smmbench: Callable[..., tuple[int, str, str]], words: tuple[str, ...], parts: tuple[str, ...]
) -> None:
    code, out, err = smmbench(*words)
    assert (code, out) == (2, "")
    (line,) = err.splitlines()
    assert line.startswith("smmbench: ") and "env var" not in line and "Value error" not in line
    assert not [part for part in parts if part not in line], line


@pytest.mark.parametrize("words", [(), ("ledger",)])
def test_a_group_without_a_command_shows_its_help(
    smmbench: Callable[..., tuple[int, str, str]], words: tuple[str, ...]
) -> None:
    code, out, err = smmbench(*words)
    assert code == 2 and "Usage: " in out + err and "Commands:" in out + err
    assert "smmbench: " not in err


@pytest.mark.parametrize("words", [(), ("ledger",), ("datasets",), ("join",), ("study",)])
def test_the_list_of_commands_cuts_no_sentence_off(
    smmbench: Callable[..., tuple[int, str, str]], words: tuple[str, ...]
) -> None:
    listed = smmbench(*words, "-h")[1].split("Commands:")[1].split("Examples:")[0]
    assert listed.strip() and "..." not in listed
    assert max(map(len, listed.splitlines())) <= 80


def test_a_run_says_that_no_preset_is_for_the_dataset(
    smmbench: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    """Without this, the first sign of the defaults is that a model of full size is fetched."""
    words = ("run", "--method", "flow-edit", "--results", tmp_path, "--limit", 1, "--dry-run")
    assert "FlowEdit has no preset for 'emoji'" in smmbench(*words)[2]
    assert "no preset for" not in smmbench(*words, "--preset", "paper")[2]
    assert "no preset for" not in smmbench(*words, "--dataset", "emoji-wan")[2]
