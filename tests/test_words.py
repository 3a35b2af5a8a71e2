"""What users read is written in the terms of the glossary and in plain English."""

from __future__ import annotations

import re
from collections.abc import Iterator
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
    "cannot be had|to be had": "is not available",
    "companions?": "auxiliary metric",
    "floors?": "chance level",
    "go(es)? on (where|from)|gone on with": "resume",
    "(at|in) hand": "available, current",
    "heeded": "used, respected",
    "held against": "compared with",
    "in a circle": "wrapping around",
    "is none": "does not exist",
    "is told|are told": "is listed, is shown",
    "known tracks": "ground-truth tracks",
    "laws?": "check, conformance check",
    "lies? beside": "is next to",
    "mended|mends": "repair",
    "nought": "zero",
    "(row|line|sentence|file|pair) a (pair|row|method|video|fault|clip)": "one row per pair",
    "shall": "must, will",
    "shown to be better|told apart": "significantly better, differ significantly",
    "stands? apart": "is listed separately",
    "start latent": "initial noise",
    "strangers?('s?)?": "untrusted",
    "taken at (its|their) word": "accepted",
    "tells? of": "describes",
    "to the letter": "exactly",
    "turn(s|ed)? round": "reversed",
    "undo step": "DDIM inversion step",
    "witness(es)?": "held-out evaluator",
    "wrong use": "incorrect usage",
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


@pytest.mark.parametrize("word", INSTEAD)
def test_user_text_has_none_of_the_worst_words(word: str) -> None:
    pattern = re.compile(rf"\b({word})\b", re.IGNORECASE)
    texts = [
        (path.relative_to(ROOT).as_posix(), without_code(path.read_text("utf-8"))) for path in PAGES
    ]
    texts += helps(typer.main.get_command(cli.app))
    found = [
        f"{where}: ...{text[max(0, match.start() - 40) : match.end() + 20]!r}..."
        for where, text in texts
        for match in pattern.finditer(text)
    ]
    assert not found, "\n".join([f"Say {INSTEAD[word]!r} instead:", *found])


def test_the_glossary_names_the_terms_that_replace_the_worst_words() -> None:
    """Readers find the terms that are said instead, where the replacement is a term at all."""
    terms = re.findall(
        r"^\*\*(.+?)\*\*", (ROOT / "benchmark/docs/glossary.md").read_text("utf-8"), re.M
    )
    named = {"auxiliary metric", "chance level", "conformance check", "ground-truth tracks"}
    assert named | {"held-out evaluator", "initial noise"} <= set(terms)


def test_code_is_no_user_text() -> None:
    page = "Text `anew`.\n\n```bash\nanew\n```\n\n    anew\n\nanew"
    assert re.findall("anew", without_code(page)) == ["anew"]
