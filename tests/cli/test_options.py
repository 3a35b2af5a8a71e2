"""Options: each is defined once, means the same in every command, and is called by its own name."""

from __future__ import annotations

import inspect
import keyword
import types
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints

import pytest
import typer
from typer.models import OptionInfo

from smmbench import cli
from smmbench.options import respelled

EXCEPTIONS = {
    "--dataset": "a validation set has no environment variable, for a test set must not slip in; "
    "a site shows several",
    "--tracker": "agreement of trackers is asked of several",
    "--ledger": "beside one's own results, `published` is one; entries are added to a folder",
}


def _commands(app: typer.Typer, words: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Every command of the app: its words, and what Typer was given for it."""
    for command in app.registered_commands:
        assert command.name and command.callback
        yield " ".join((*words, command.name)), command
    for group in app.registered_groups:
        assert group.name and group.typer_instance
        yield from _commands(group.typer_instance, (*words, group.name))


def _options() -> Iterator[tuple[str, str, Any, OptionInfo]]:
    """Every option: its command, the parameter's name, its type, its definition."""
    for words, command in _commands(cli.app):
        hints = get_type_hints(command.callback, include_extras=True)
        for name in inspect.signature(command.callback).parameters:
            kind, *about = get_args(hints[name])
            (info,) = about  # each parameter is annotated, by an option or an argument
            if isinstance(info, OptionInfo):
                yield words, name, kind, info


ALL = list(_options())
EACH = pytest.mark.parametrize(
    ("words", "name", "info"),
    [pytest.param(words, name, info, id=f"{words} {name}") for words, name, _, info in ALL],
)


def _spellings(info: OptionInfo) -> list[str]:
    """Every spelling; Typer keeps the first as the default, for the signature sets that."""
    first = [info.default] if isinstance(info.default, str) else []
    return [name.split("/")[0] for name in (*first, *(info.param_decls or ()))]


def _spelling(info: OptionInfo) -> str:
    """The option's long name: `--dry-run`."""
    return next(name for name in _spellings(info) if name.startswith("--"))


def _type(kind: Any) -> Any:
    """A type without its None."""
    if get_origin(kind) in (Union, types.UnionType):
        (kind,) = (one for one in get_args(kind) if one is not type(None))
    return kind


def test_the_walk_sees_every_command() -> None:
    assert {"run", "score", "leaderboard", "datasets new", "ledger withdraw"} <= {
        words for words, *_ in ALL
    }


@EACH
def test_a_parameter_has_its_options_name(words: str, name: str, info: OptionInfo) -> None:
    own = _spelling(info)[2:].replace("-", "_")
    assert name == (f"{own}_" if keyword.iskeyword(own) else own)


def test_an_option_of_several_commands_is_defined_once() -> None:
    definitions: dict[str, dict[int, list[str]]] = defaultdict(lambda: defaultdict(list))
    for words, _, _, info in ALL:
        definitions[_spelling(info)][id(info)].append(words)
    twice = {name: list(places.values()) for name, places in definitions.items() if len(places) > 1}
    assert set(twice) == set(EXCEPTIONS), twice


@pytest.mark.parametrize("name", sorted({_spelling(info) for *_, info in ALL} - set(EXCEPTIONS)))
def test_an_option_has_one_help_text_and_one_type(name: str) -> None:
    same = [(kind, info) for _, _, kind, info in ALL if _spelling(info) == name]
    assert len({info.help for _, info in same}) == 1
    assert len({str(_type(kind)) for kind, _ in same}) == 1
    assert len({info.metavar for _, info in same}) == 1


def test_a_short_spelling_stands_for_one_option() -> None:
    short: dict[str, set[str]] = defaultdict(set)
    for *_, info in ALL:
        for spelling in _spellings(info):
            if not spelling.startswith("--"):
                short[spelling].add(_spelling(info))
    assert short == {"-o": {"--output"}}


OLDER = [
    (words, older, now)
    for words, command in _commands(cli.app)
    for older, now in getattr(command.cls, "older", {}).items()
]


def test_there_are_older_spellings() -> None:
    assert ("run", "-o", "--results") in OLDER and ("import", "--method", "--label") in OLDER


@pytest.mark.parametrize(("words", "older", "now"), OLDER)
def test_an_older_spelling_is_taken_and_not_shown(
    smmbench: Callable[..., tuple[int, str, str]], words: str, older: str, now: str
) -> None:
    own = {_spelling(info) for other, _, _, info in ALL if other == words}
    assert now in own and older not in own
    assert f" {older} " not in smmbench(*words.split(), "--help")[1]
    code, _, err = smmbench(*words.split(), older, "1", "--no-such-option")
    assert code == 2 and "--no-such-option" in err and f"option: {older}" not in err


def test_words_are_respelled_up_to_the_end_of_options() -> None:
    older = {"--output": "--results", "-o": "--results"}
    assert respelled(["run", "--output", "a", "--output-x", "b"], older) == [
        *("run", "--results", "a", "--output-x", "b")
    ]
    assert respelled(["--output=a b", "-oa", "-o", "a", "-x"], older) == [
        *("--results=a b", "--results=a", "--results", "a", "-x")
    ]
    assert respelled(["--", "-o", "a"], older) == ["--", "-o", "a"]


def test_results_go_where_the_older_spelling_says(
    smmbench: Callable[..., tuple[int, str, str]], square_dataset: Path, tmp_path: Path
) -> None:
    for place, option in (("one", "-o"), ("two", "--results"), ("three", "--output")):
        words = ("run", "--method", "frozen", "--dataset", square_dataset, "--limit", 1)
        assert smmbench(*words, option, tmp_path / place, "--device", "cpu")[0] == 0
        assert (tmp_path / place / "frozen" / "method.json").exists()
