"""The only way to print: it shows every control character of untrusted text and obeys none."""

from __future__ import annotations

import ast
import io
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.table import Table
from rich.text import Text

from smmbench.display import console, print_document, print_line
from smmbench.display.escaping import hidden, visible

ROOT = Path(__file__).parents[2]
ROOTS = ("benchmark/smmbench", "baselines", "datasets/smmbench_datasets", "leaderboard")
EVIL = "\x1b[2J\x1b]0;x\x07one\nverified: two\r\u202e\u2028three\x85\ud800"

# What prints past the door: a function by its name, or a module's function.
PRINTERS = {"print", "echo", "secho", "Console", "pprint"}
STREAMS = {"stdout", "stderr", "__stdout__", "__stderr__"}


def _past_the_door(tree: ast.AST) -> list[int]:
    """Lines that print, or make a console, without the door."""
    lines = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = node.func
        if isinstance(called, ast.Name) and called.id in PRINTERS:
            lines.append(node.lineno)
        if isinstance(called, ast.Attribute):
            module = called.value.id if isinstance(called.value, ast.Name) else ""
            if called.attr in PRINTERS and module in {"typer", "click", "rich", "builtins"}:
                lines.append(node.lineno)
            stream = called.value.attr if isinstance(called.value, ast.Attribute) else module
            if called.attr in {"write", "writelines"} and stream in STREAMS:
                lines.append(node.lineno)
    return lines


@pytest.mark.parametrize("root", ROOTS)
def test_no_module_prints_past_the_door(root: str) -> None:
    found = {
        f"{path.relative_to(ROOT)}:{line}"
        for path in sorted((ROOT / root).rglob("*.py"))
        if "smmbench/display" not in path.as_posix()
        for line in _past_the_door(ast.parse(path.read_text(encoding="utf-8")))
    }
    assert not found, "print through smmbench.display"


@pytest.mark.parametrize(
    "text", ["print(1)", "typer.echo(1)", "sys.stderr.write('x')", "Console().print(1)"]
)
def test_the_search_for_printers_finds_them(text: str) -> None:
    assert _past_the_door(ast.parse(text))


@given(st.text())
def test_a_line_is_one_line_in_which_all_is_seen(text: str) -> None:
    shown = visible(text)
    assert not any(hidden(sign) for sign in shown)
    assert len(shown.splitlines()) <= 1
    assert len(shown) == len(text)


@given(st.text(st.characters(exclude_categories=("C", "Z")), min_size=1))
def test_what_is_seen_stays_as_it_is(text: str) -> None:
    assert visible(text) == text


def test_lines_and_documents_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    print_line(EVIL)
    print_line(EVIL, err=True)
    out, err = capsys.readouterr()
    assert out == err and out.count("\n") == 1
    print_document(f"a\n{EVIL}")
    document = capsys.readouterr().out
    assert document.startswith("a\n")
    assert not {sign for sign in document if hidden(sign)} - {"\n"}
    print_document("\x1b[1mbold\x1b[0m \x1b[2J", styled=True)
    assert "\x1b[2J" not in capsys.readouterr().out


@pytest.mark.parametrize("cell", [EVIL, Text(EVIL), f"[red]{EVIL}[/red]"])
def test_tables_show_and_do_not_obey(cell: str | Text) -> None:
    table = Table(title=EVIL, caption=EVIL)
    table.add_column(EVIL)
    table.add_row(cell)
    file = io.StringIO()
    out = console(file=file, width=60)
    out.print(table)
    out.print(cell)
    text = file.getvalue()
    assert not {sign for sign in text if unicodedata.category(sign) in {"Cc", "Cf"}} - {"\n"}
    assert ("[red]" in text) == (isinstance(cell, str) and "[red]" in cell)
