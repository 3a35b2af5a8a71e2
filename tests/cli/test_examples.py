"""Examples of commands: every command has some, they are shown, and the command line takes them."""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import typer

from smmbench import cli
from smmbench.dataset import dataset_names
from smmbench.display.examples import example_lines, examples
from smmbench.metrics import all_metrics
from smmbench.resolving import find_method, method_names
from smmbench_manual.reference.command_line import command_line

ROOT = Path(__file__).parents[2]
APP = typer.main.get_command(cli.app)


def _commands(command: Any = APP, words: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    yield " ".join(words), command
    for name, inner in getattr(command, "commands", {}).items():
        yield from _commands(inner, (*words, name))


COMMANDS = dict(_commands())
EXAMPLES = [
    pytest.param(words, line, id=line)
    for words, command in COMMANDS.items()
    for line in example_lines(command.epilog)
]
LINES = list(dict.fromkeys(str(param.values[1]) for param in EXAMPLES))


def _parsed(line: str) -> Mapping[str, Any]:
    """Values of a line's arguments and options, as the real command line reads them."""
    command, words = APP, shlex.split(line)[1:]
    name = "smmbench"
    while hasattr(command, "commands"):
        name, *words = words
        command = command.commands[name]
    return command.make_context(name, words).params


@pytest.mark.parametrize("words", COMMANDS)
def test_every_command_has_an_example(words: str) -> None:
    assert example_lines(COMMANDS[words].epilog), f"`smmbench {words}` has no example."


@pytest.mark.parametrize(("words", "line"), EXAMPLES)
def test_an_example_is_of_its_command(words: str, line: str) -> None:
    assert f"{line} ".startswith(f"smmbench {words} ".replace("  ", " "))


@pytest.mark.parametrize("line", LINES)
def test_the_command_line_takes_an_example(line: str) -> None:
    assert _parsed(line) is not None


@pytest.mark.parametrize(
    "line",
    [
        "smmbench run --method smm --no-such-option",
        "smmbench run --limit 4",
        "smmbench sheet results/ --columns many",
        "smmbench compare smm",
    ],
)
def test_the_check_of_examples_refuses_what_the_command_line_does(line: str) -> None:
    with pytest.raises(Exception, match=r"(?i)no such option|missing|valid integer"):
        _parsed(line)


@pytest.mark.parametrize("line", LINES)
def test_names_in_an_example_are_real(line: str) -> None:
    values = _parsed(line)
    words = shlex.split(line)[1:]
    method = values.get("method")
    if method in method_names():
        known = find_method(method)
        for setting in values.get("set") or ():
            assert hasattr(known.Parameters(), setting.partition("=")[0])
        assert values.get("preset") in (None, *known.presets)
    elif "--method" in words:
        assert ".py:" in str(method)
    metrics = values.get("metrics") or []
    named = set(metrics.split(",") if isinstance(metrics, str) else metrics)
    named |= {str(values["name"])} if line.startswith("smmbench metrics show") else set()
    named |= {str(values["worst_by"])} if "worst_by" in values else set()
    assert named <= {one.name for one in all_metrics()}
    datasets = values.get("dataset")
    for dataset in [datasets] if isinstance(datasets, str) else datasets or ():
        assert dataset.endswith(".toml") or dataset in dataset_names()


@pytest.mark.parametrize("words", COMMANDS)
def test_help_shows_each_example_on_a_line_of_its_own(
    smmbench: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    _, out, _ = smmbench(*words.split(), "--help")
    shown = [line.strip() for line in out.splitlines()]
    assert set(example_lines(COMMANDS[words].epilog)) <= set(shown)


def test_the_manual_shows_every_example() -> None:
    page = command_line().splitlines()
    assert [line for line in LINES if line not in page] == []


@pytest.mark.parametrize("lines", [(), ("git status",), ("smmbench doctor", "  ")])
def test_an_example_is_a_line_of_smmbench(lines: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="begin with 'smmbench'"):
        examples(*lines)


def test_lines_come_back_as_they_were_given() -> None:
    given = ["smmbench doctor", "smmbench methods show smm"]
    assert example_lines(examples(*given)) == given
    assert example_lines("See the manual.") == example_lines(None) == []


# Examples that are run ------------------------------------------------------------------------

NOT_RUN = {  # why not, by what such lines hold
    "--hub": "needs the hub",
    "--online": "asks the hub",
    "dmt-page": "fetches videos",
    "copies/": "needs somebody's copy",
    "DAVIS": "needs a copy of DAVIS",
    "official-": "needs official code",
    "/path/to/": "needs weights",
    "ViT-B-32:openai": "needs weights",
    "node-": "needs results of two machines",
    "--device cuda": "needs a GPU",
    "serve": "waits until it is ended",
    "submit results/": "takes a method's own videos alone: tests/leaderboard/test_submission.py",
    "verify submission.zip": "needs a submission: tests/leaderboard/test_submission.py",
    "join ": "needs an announced archive, or a branch: tests/leaderboard/test_join.py",
    "analyse": "needs answers of people: tests/leaderboard/test_study.py",
    "validate": "needs judgements of people: tests/leaderboard/test_validation.py",
    "2026-12-01": "an entry's name begins with the day it is added: tests/leaderboard",
    "--method smm": "takes minutes; the README's command is run by tests/test_tutorial.py",
    "--method sdedit": "takes minutes",
    "tune": "takes minutes: tests/tuning",
    "import outputs/": "needs a method's videos of every pair: tests/importing",
    "invert": "takes minutes: tests/feature_inversion",
    "selftest": "takes minutes: tests/selftest",
    "methods check": "takes minutes: tests/conformance",
    "selectivity results/": "needs videos made from other motions: tests/leaderboard",
    "tracker-agreement": "scores every video again: tests/leaderboard",
}
FIRST = ("methods new my_method.py", "datasets new", "datasets add")
LAST = ("datasets remove",)


def _place(line: str) -> int:
    words = line.removeprefix("smmbench ")
    for place, start in enumerate(FIRST):
        if words.startswith(start):
            return place
    return len(FIRST) + words.startswith(LAST)


RUN = sorted(
    (line for line in LINES if not any(part in line for part in NOT_RUN)),
    key=_place,
)


def test_no_reason_not_to_run_is_left_over() -> None:
    assert [part for part in NOT_RUN if not any(part in line for line in LINES)] == []
    assert len(RUN) > len(LINES) / 2


@pytest.mark.slow
def test_examples_run(
    smmbench: Callable[..., tuple[int, str, str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    _prepare(smmbench, tmp_path)
    wrong = []
    for line in RUN:
        code, _, err = smmbench(*shlex.split(line)[1:])
        if code != 0:
            wrong.append(f"{line}: {code}: {err.strip().splitlines()[-1:]}")
    assert wrong == []


def _prepare(smmbench: Callable[..., tuple[int, str, str]], folder: Path) -> None:
    """Lay out what the examples speak of: results of two methods, outputs, videos, a ledger."""
    clips = ROOT / "datasets" / "smmbench_datasets" / "emoji" / "clips" / "emoji"
    videos = sorted(path for path in clips.iterdir() if path.suffix in (".mkv", ".mp4"))
    for label in ("smm", "sdedit"):
        method = ("--method", "near-copy" if label == "smm" else "frozen")
        assert smmbench("run", *method, "--label", label, "--limit", 4, "--device", "cpu")[0] == 0
    assert smmbench("score", "results", "--device", "cpu")[0] == 0
    (folder / "videos").mkdir()
    for name in ("source", "output"):
        shutil.copy(videos[0], folder / f"{name}.mp4")
        shutil.copy(videos[0], folder / "videos" / f"{name}.mp4")
    (folder / "prompts.csv").write_text("clip,prompt\nsource,a red fish\noutput,a fish\n")
    prompts = [{"clip": name, "prompt": "a fish"} for name in ("source", "output")]
    (folder / "prompts.json").write_text(json.dumps(prompts))
    shutil.copytree(ROOT / "leaderboard" / "entries", folder / "leaderboard" / "entries")
