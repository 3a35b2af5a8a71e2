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
    "companions?": "auxiliary metric",
    "goes on where|go on where": "resume",
    "is told|are told": "is listed, is shown",
    "laws?": "check, conformance check",
    "mended|mends": "repair",
    "shall": "must, will",
    "start latent": "initial noise",
    "undo step": "DDIM inversion step",
    "witness(es)?": "held-out evaluator",
    "known tracks": "ground-truth tracks",
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


def test_code_is_no_user_text() -> None:
    page = "Text `anew`.\n\n```bash\nanew\n```\n\n    anew\n\nanew"
    assert re.findall("anew", without_code(page)) == ["anew"]
