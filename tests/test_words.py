"""What users read is written in the terms of the glossary and in plain English."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from smmbench import cli

ROOT = Path(__file__).parents[1]
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *sorted(ROOT.glob("*/docs/*.md")),
]
INSTEAD = {  # a word that user text does not have, and what says the same
    "anew": "again, recompute, regenerate",
    "came of": "the outcome",
    "chance levels": "chance level (random tracks), wrong-source score, or unguided video",
    "cannot be had|to be had": "is not available",
    "companions?": "auxiliary metric",
    "floors?": "chance level",
    "go(es)? on (where|from)|gone on with": "resume",
    "(at|in) hand": "available, current",
    "half a circle": "180 degrees",
    "heeded": "used, respected",
    "held against": "compared with",
    "in a circle": "wrapping around",
    "is none": "does not exist",
    "is told|are told": "is listed, is shown",
    "known tracks": "ground-truth tracks",
    "laws?": "check, conformance check",
    "lies? beside": "is next to",
    "likeness(es)?": "similarity",
    "mended|mends": "repair",
    "nobody else's": "of the caller alone",
    "nought": "zero",
    "(row|line|sentence|file|pair) a (pair|row|method|video|fault|clip)": "one row per pair",
    "shall": "must, will",
    "shown to be better|told apart": "significantly better, differ significantly",
    "stands? apart": "is listed separately",
    "start latent": "initial noise",
    "strangers?('s?)?": "untrusted",
    "taken at (its|their) word": "accepted",
    "tells? of": "describes",
    "the very": "exactly the",
    "to the letter": "exactly",
    "turn(s|ed)? round": "reversed",
    "undo step": "DDIM inversion step",
    "witness(es)?": "held-out evaluator",
    "wrong use": "incorrect usage",
}
CODE = [
    path
    for package in (
        "benchmark/smmbench",
        "baselines/smmbench_baselines",
        "datasets/smmbench_datasets",
        "datasets/smmbench_research",
        "leaderboard/smmbench_leaderboard",
    )
    for path in sorted((ROOT / package).rglob("*.py"))
]
ELSEWHERE = {  # words that code may use: in names of fields, or in another sense
    "companions?": "the second object of a clip",
    "floors?": "the key of the chance level in files, and the lower bound of a scale",
    "is none": "there is none",
}


def helps(command: Any, path: tuple[str, ...] = ("smmbench",)) -> Iterator[tuple[str, str]]:
    """Yield every help text of a command and of those below it, with the command's words."""
    for text in (command.help, command.epilog, *(getattr(p, "help", "") for p in command.params)):
        yield " ".join(path), text or ""
    for name, inner in getattr(command, "commands", {}).items():
        yield from helps(inner, (*path, name))


def without_code(text: str) -> str:
    """A page without its blocks and spans of code, whose words belong to programs."""
    text = re.sub(r"^( *)```.*?^\1```", "", text, flags=re.DOTALL | re.MULTILINE)
    return re.sub(r"`[^`]*`|^(    .*)$", "", text, flags=re.MULTILINE)


def sentences(source: str) -> Iterator[str]:
    """Yield the docstrings and messages of a module: its texts of several words.

    A docstring's names of parameters are code.
    """
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
            yield re.sub(r"`[^`]*`|^ +\w+: ", "", node.value, flags=re.MULTILINE)


def uses(word: str, texts: Iterable[tuple[str, str]]) -> list[str]:
    """The places where texts have a word, each with the words around it.

    The name of a file or a module (`word.py`, `package.word`) is not a word.
    """
    pattern = re.compile(rf"(?<!\w\.)\b({word})\b(?!\.\w)", re.IGNORECASE)
    return [
        f"{where}: ...{text[max(0, match.start() - 40) : match.end() + 20]!r}..."
        for where, text in texts
        for match in pattern.finditer(text)
    ]


@functools.cache
def user_texts() -> list[tuple[str, str]]:
    """Pages and help texts, each with its place; read once for all words."""
    texts = [
        (path.relative_to(ROOT).as_posix(), without_code(path.read_text("utf-8"))) for path in PAGES
    ]
    return [*texts, *helps(typer.main.get_command(cli.app))]


@functools.cache
def code_texts() -> list[tuple[str, str]]:
    """Docstrings and messages of the code, each with its file; parsed once for all words."""
    return [
        (path.relative_to(ROOT).as_posix(), text)
        for path in CODE
        for text in sentences(path.read_text("utf-8"))
    ]


@pytest.mark.parametrize("word", INSTEAD)
def test_user_text_has_none_of_the_worst_words(word: str) -> None:
    found = uses(word, user_texts())
    assert not found, "\n".join([f"Say {INSTEAD[word]!r} instead:", *found])


@pytest.mark.parametrize("word", sorted(INSTEAD.keys() - ELSEWHERE.keys()))
def test_docstrings_and_messages_have_none_of_the_worst_words(word: str) -> None:
    found = uses(word, code_texts())
    assert not found, "\n".join([f"Say {INSTEAD[word]!r} instead:", *found])


def test_the_glossary_names_the_terms_that_replace_the_worst_words() -> None:
    """Readers find the terms that are said instead, where the replacement is a term at all."""
    terms = re.findall(
        r"^\*\*(.+?)\*\*", (ROOT / "benchmark/docs/glossary.md").read_text("utf-8"), re.M
    )
    named = {"auxiliary metric", "chance level", "conformance check", "ground-truth tracks"}
    assert named | {"held-out evaluator", "initial noise"} <= set(terms)
    assert {"wrong-source score", "unguided video"} <= set(terms)


def test_names_in_a_docstring_are_no_sentences() -> None:
    source = 'def f(anew):\n    """Do it.\n\n    Args:\n        anew: Begin anew.\n    """\n'
    assert [re.findall("anew", text) for text in sentences(source)] == [["anew"]]


def test_names_of_files_and_modules_are_no_words() -> None:
    text = "Write anew.jsonl.gz with `python -m room.anew`, then anew. Anew it begins"
    assert len(uses("anew", [("page", text)])) == 2
    assert len(uses("anew", [("page", "Do it anew.")])) == 1


def test_code_is_no_user_text() -> None:
    page = "Text `anew`.\n\n```bash\nanew\n```\n\n    anew\n\nanew"
    assert re.findall("anew", without_code(page)) == ["anew"]
