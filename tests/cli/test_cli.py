"""The command line: everything is documented, and nothing heavy is imported before it is needed."""

from __future__ import annotations

import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint
from typing import Any

import pytest
import typer

import smmbench
from smmbench import cli

HEAVY = (
    "torch",
    "torchvision",
    "cv2",
    "av",
    "numpy",
    "scipy",
    "pandas",
    "pydantic",
    "diffusers",
    "transformers",
    "open_clip",
    "huggingface_hub",
    "PIL",
    "jinja2",
)
VERBS = {
    *("run", "score", "leaderboard", "compare", "why", "import", "submit", "verify", "sheet"),
    *("doctor", "selftest", "invert"),
    *("methods list", "methods show", "metrics list", "metrics show"),
    *("methods check", "methods new", "tune"),
    *("datasets list", "datasets show", "datasets check", "datasets fetch", "datasets add"),
}
SHARED = ("--limit", "--device", "--seed", "--json", "--dry-run")


def _commands(command: Any = None, words: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Every command with its words, and every group that holds others."""
    command = command or typer.main.get_command(cli.app)
    for name, inner in getattr(command, "commands", {}).items():
        yield " ".join((*words, name)), inner
        yield from _commands(inner, (*words, name))


COMMANDS = dict(_commands())
OPTIONS = [
    pytest.param(words, option, id=f"{words} {option.opts[0]}")
    for words, command in COMMANDS.items()
    for option in command.params
]


def test_the_verbs_are_there() -> None:
    assert set(COMMANDS) >= VERBS


@pytest.mark.parametrize("words", COMMANDS)
def test_every_command_says_what_it_does(words: str) -> None:
    text = COMMANDS[words].help
    assert text, f"`smmbench {words}` is missing its help."
    first = text.strip().splitlines()[0]
    assert first.endswith((".", ":")), f"`smmbench {words}`: '{first}' is no whole sentence."


@pytest.mark.parametrize(("words", "option"), OPTIONS)
def test_every_option_and_argument_says_what_it_is(words: str, option: Any) -> None:
    assert getattr(option, "help", None), f"`smmbench {words}`: {option.opts} has no help."


@pytest.mark.parametrize(("words", "option"), OPTIONS)
def test_shared_options_have_their_environment_variable(words: str, option: Any) -> None:
    for name in set(option.opts) & set(SHARED):
        assert option.envvar == [f"SMMBENCH_{name[2:].replace('-', '_').upper()}"]


@pytest.mark.parametrize(("words", "option"), OPTIONS)
def test_output_has_no_variable(words: str, option: Any) -> None:
    """Set once, it would make each command write its file over another's."""
    if "--output" in option.opts:
        assert option.envvar is None


@pytest.mark.parametrize(("words", "option"), OPTIONS)
def test_a_variable_is_named_after_its_option(words: str, option: Any) -> None:
    names = {name.lstrip("-").replace("-", "_").upper() for name in option.opts}
    variables = [option.envvar] if isinstance(option.envvar, str) else option.envvar or []
    assert not variables or variables[0].removeprefix("SMMBENCH_") in names
    assert set(variables[1:]) <= {"SMMBENCH_OUTPUT"}  # the older name of SMMBENCH_RESULTS


@pytest.mark.parametrize("words", COMMANDS)
def test_help_is_shown_for_every_command(
    smmbench: Callable[..., tuple[int, str, str]], words: str
) -> None:
    code, out, err = smmbench(*words.split(), "--help")
    assert (code, err) == (0, "")
    assert f"smmbench {words}" in out and "Traceback" not in out


def test_version(smmbench: Callable[..., tuple[int, str, str]]) -> None:
    from smmbench import __version__

    assert smmbench("--version") == (0, f"smmbench {__version__}\n", "")


def test_no_word_shows_the_help_and_is_wrong_use(
    smmbench: Callable[..., tuple[int, str, str]],
) -> None:
    code, out, err = smmbench()
    assert code == 2 and "leaderboard" in out + err


def test_an_unknown_word_is_wrong_use(smmbench: Callable[..., tuple[int, str, str]]) -> None:
    code, out, err = smmbench("leaderbord")
    assert code == 2 and out == "" and "leaderbord" in err


def test_what_a_user_can_mend_is_one_line(smmbench: Callable[..., tuple[int, str, str]]) -> None:
    code, out, err = smmbench("run", "--method", "copi")
    assert (code, out) == (2, "")
    assert err.startswith("smmbench: No method 'copi'; available: ") and err.count("\n") == 1


def test_a_defect_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def defect() -> None:
        raise KeyError("an inner mistake")

    monkeypatch.setattr(cli, "app", defect)
    with pytest.raises(KeyError, match="an inner mistake"):
        cli.main()


@pytest.mark.filterwarnings("default")
def test_a_warning_is_one_line_without_a_place_in_the_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cli, "app", lambda: warnings.warn("a prompt\n is cut", stacklevel=1))
    with warnings.catch_warnings():
        cli.main()
    assert capsys.readouterr() == ("", "warning: a prompt is cut\n")


def test_methods_are_known_without_the_libraries_that_load_their_model() -> None:
    script = (
        "import sys, smmbench.smm, smmbench_baselines.inversion_swap\n"
        "print({'diffusers', 'transformers'} & set(sys.modules))"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout == "set()\n"


def test_a_broken_command_of_a_stranger_is_named_and_left_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def register(app: typer.Typer) -> None:
        raise RuntimeError("half a plug-in")

    point = EntryPoint("toy", "toy:register", "smmbench.commands")
    monkeypatch.setattr(cli, "offered", lambda group: {"toy": point})
    monkeypatch.setattr(cli, "load_offered", lambda group, name, what: register)
    cli._add_offered()
    assert "the commands of 'toy' are skipped: half a plug-in" in capsys.readouterr().err


@pytest.mark.parametrize("what", ["import smmbench", "import smmbench.cli", "--help", "--version"])
def test_nothing_heavy_is_imported_before_it_is_needed(what: str) -> None:
    script = what if what.startswith("import") else _asking(what)
    script += f"\nimport sys\nprint('heavy:', *sorted(set({HEAVY}) & set(sys.modules)))"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines()[-1] == "heavy:"


def _asking(word: str) -> str:
    return (
        "import sys\nfrom smmbench.cli import main\n"
        f"sys.argv = ['smmbench', '{word}']\n"
        "try: main()\nexcept SystemExit: pass"
    )


def test_the_version_is_the_distribution_s() -> None:
    from importlib.metadata import version

    assert version("smmbench") == smmbench.__version__
