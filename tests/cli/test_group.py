"""Options of the whole command line stand before the command or after it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from smmbench.cli.group import Group, moved_forward
from smmbench.display import talk

CommandLine = Callable[..., tuple[int, str, str]]


@pytest.mark.parametrize(
    ("words", "moved"),
    [
        ("run --method a", "run --method a"),
        ("run --quiet --method a", "--quiet run --method a"),
        ("run --log-file f --method a", "--log-file f run --method a"),
        ("run --method a --log-file=f --quiet", "--log-file=f --quiet run --method a"),
        ("--quiet run --log-file f", "--quiet --log-file f run"),
        ("score -- --quiet", "score -- --quiet"),
        ("run --log-file", "--log-file"),
        ("run --log-file --quiet", "--log-file --quiet run"),
        ("run --quieter", "run --quieter"),
    ],
)
def test_where_they_go(words: str, moved: str) -> None:
    assert moved_forward(words.split()) == moved.split()


def test_both_places_do_the_same(
    tmp_path: Path, smmbench: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(talk, "quiet", False)
    monkeypatch.setattr(talk, "log", None)
    log = tmp_path / "talk.log"
    run = ("run", "--method", "frozen", "--limit", 1, "--results", tmp_path / "r")
    assert smmbench(*run, "--quiet", "--log-file", log) == (0, "", "")
    assert "frozen on emoji: 1 made" in log.read_text(encoding="utf-8")
    code, _, err = smmbench("run", "--method", "frozen", "--log-file")
    assert code == 2 and "Option '--log-file' requires an argument" in err


def test_ctrl_c_in_a_command_says_that_it_stopped() -> None:
    app = typer.Typer(cls=Group)

    @app.command()
    def work() -> None:
        raise KeyboardInterrupt

    app.callback()(lambda: None)
    ended = CliRunner().invoke(app, ["work"])
    assert (ended.exit_code, ended.stdout, ended.stderr) == (130, "", "Stopped.\n")
