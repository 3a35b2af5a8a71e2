"""Untrusted text in LaTeX: parsed as TeX parses it, and compiled if TeX is installed."""

from __future__ import annotations

import dataclasses
import re
import shutil
import string
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.builders.board_tree import BoardTree

from smmbench.display import latex
from smmbench_leaderboard.board.build import make_board
from smmbench_leaderboard.board.types import Board
from smmbench_leaderboard.formats import to_bibtex, to_latex

COMMANDS = {
    *("textbackslash", "textasciitilde", "textasciicircum", "textless", "textgreater"),
    *("textbar", "textasciigrave"),
}
SYMBOLS = set("{}$&#%_") | set("`'^~\"")  # what may follow a backslash: itself, or an accent
SPECIAL = set('\\{}$&#%_~^<>|"`')  # every sign that TeX, or a font of it, reads as another
DASHES = "\N{EN DASH}\N{EM DASH}\N{HORIZONTAL ELLIPSIS}"
OTHERS = (
    "Müller-Lüdenscheidt, É. Łukasiewicz, naïve",
    "\N{CYRILLIC SMALL LETTER A}\N{GREEK SMALL LETTER ALPHA} \u4e2d\u6587 \u0627\u0644",
    "\N{GRINNING FACE} \N{VULGAR FRACTION ONE HALF} \N{LATIN SMALL LIGATURE FI} x\u00b2 \ufffd",
    "a\u0301\u0302\u0303 zalgo\u0336\u0337",
    "\x1b[2J \u202e \u200b \x00 \n\n\\par",
)
ATTACKS = (
    r"\input{/etc/passwd} \write18{id} \end{document} \catcode`\%=12",
    "^^5cinput ^^M %%% }}}}{{{{ $$ &&& ### ___ ~~~",
    "[5pt] *[5pt] \\\\ \\hline & x",
    "--- ?` !` ,, << >> '' ``",
    "\\", "\\\\", "{", "}", "%", "$", "&", "#", "_", "^", "~", '"', "`", "[", "]", "*",
)  # fmt: skip
TEXTS = (string.printable, *OTHERS, *ATTACKS)


def tokens(text: str) -> Iterator[str]:
    """TeX's tokens: control words, control symbols, and single signs."""
    place = 0
    while place < len(text):
        found = re.match(r"\\([A-Za-z]+|.)", text[place:])
        yield found[0] if found else text[place]
        place += len(found[0]) if found else 1


@pytest.mark.parametrize(
    "text", [*TEXTS, *(f"{a}{b}" for a in sorted(SPECIAL) for b in sorted(SPECIAL))]
)
def test_tex_reads_no_command_but_those_that_show_a_sign(text: str) -> None:
    depth = 0
    for token in tokens(latex(text, longest=1000)):
        if token.startswith("\\"):
            assert token[1:] in COMMANDS | SYMBOLS or token in (r"\v", r"\c"), token
        elif token in "{}":
            depth += 1 if token == "{" else -1
            assert depth >= 0
        else:
            assert token not in SPECIAL, token
            assert token.isascii() or token in DASHES
    assert depth == 0


def test_signs_of_every_script_become_what_tex_knows() -> None:
    for number in (*range(0x600), *range(0x600, 0x110000, 997)):
        sign = latex(chr(number))
        assert sign.isascii() or sign in DASHES


def test_letters_keep_their_accents() -> None:
    assert latex("Müller ŠÇé") == r"M{\"{u}}ller {\v{S}}{\c{C}}{\'{e}}"
    assert latex("ﬁ x² 中 Ł") == "fi x2 U+4E2D U+0141"


def hostile_board(tree: BoardTree) -> Board:
    """A board in which every text of a row is one of `TEXTS`."""
    tree.whole("smm")
    board = make_board(tree.results, str(tree.manifest))
    (row,), rows = board.rows, []
    for text in TEXTS:
        facts: dict[str, Any] = {
            field.name: text
            for field in dataclasses.fields(row.card)
            if field.name not in ("kind", "family", "input_contract")
        }
        facts["paper"] = f"X{text} et al., CVPR 2024, https://arxiv.org/abs/2401.00001 {text}"
        card = dataclasses.replace(row.card, **facts)
        rows.append(row.model_copy(update={"label": text, "card": card, "block": text}))
    return board.model_copy(update={"rows": tuple(rows), "notes": TEXTS, "dataset": ATTACKS[1]})


def test_braces_of_an_entry_are_balanced_as_bibtex_counts_them(board_tree: BoardTree) -> None:
    text = to_bibtex(hostile_board(board_tree))
    assert text.count("{") == text.count("}")
    for line in text.splitlines():
        if line.startswith("  "):
            assert line.count("{") == line.count("}"), line


@pytest.mark.slow
def test_tables_and_references_of_strangers_compile(board_tree: BoardTree, tmp_path: Path) -> None:
    """With pdfLaTeX, the engine that knows least: apt-get install texlive-latex-base."""
    if shutil.which("pdflatex") is None or shutil.which("bibtex") is None:
        pytest.fail("No pdflatex or bibtex here; `apt-get install texlive-latex-base` has both.")
    board = hostile_board(board_tree)
    rules = subprocess.run(["kpsewhich", "booktabs.sty"], capture_output=True, check=False)
    booktabs = (
        r"\usepackage{booktabs}"
        if rules.returncode == 0  # else its three rules, as the smallest TeX does not have it
        else r"\let\toprule\hline\let\midrule\hline\let\bottomrule\hline"
    )
    (tmp_path / "table.tex").write_text(to_latex(board), "utf-8")
    (tmp_path / "all.bib").write_text(to_bibtex(board), "utf-8")
    (tmp_path / "main.tex").write_text(
        rf"\documentclass{{article}}{booktabs}\begin{{document}}"
        r"\input{table}\nocite{*}\bibliographystyle{plain}\bibliography{all}\end{document}"
    )
    compile_ = [
        "pdflatex",
        "-no-shell-escape",
        "-halt-on-error",
        "-interaction=nonstopmode",
        "main",
    ]
    for command in (compile_, ["bibtex", "main"], compile_):
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
        assert done.returncode == 0, done.stdout.decode(errors="replace")[-2000:]
    log = (tmp_path / "main.log").read_text("utf-8", errors="replace")
    assert "Missing character" not in log and "! " not in log
    assert (tmp_path / "main.pdf").stat().st_size > 10_000
    assert (tmp_path / "main.bbl").read_text("utf-8").count(r"\bibitem") > len(TEXTS)
