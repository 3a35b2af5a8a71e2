"""Names and titles come from strangers: what each format must not take for its own signs."""

from __future__ import annotations

import re
import unicodedata

LONGEST = 200

# Control signs (terminal escapes), format signs (direction marks, zero width), halves of pairs,
# private use, line and paragraph separators.
_UNSHOWN = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})

_LATEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "`": r"\textasciigrave{}",
}
_MARKDOWN = {
    **{sign: f"&#{ord(sign)};" for sign in "<>&|@"},  # HTML, table cells, mentions
    **{sign: "\\" + sign for sign in "\\`*_{}[]#+~$"},
}
_FORMULA = (  # the last four are full-width forms, which some spreadsheets take for the plain ones
    *"=+-@|%",
    "\N{FULLWIDTH EQUALS SIGN}",
    "\N{FULLWIDTH PLUS SIGN}",
    "\N{FULLWIDTH HYPHEN-MINUS}",
    "\N{FULLWIDTH COMMERCIAL AT}",
)


def plain(text: str, longest: int = LONGEST) -> str:
    """One line that any terminal shows as it is: signs that are not shown become U+FFFD.

    Text of more signs than `longest` is cut and says so by an ellipsis.
    """
    line = re.sub(r"\s+", " ", text).strip()
    shown = "".join("\N{REPLACEMENT CHARACTER}" if hidden(sign) else sign for sign in line)
    return shown if len(shown) <= longest else shown[: longest - 1] + "\N{HORIZONTAL ELLIPSIS}"


def hidden(sign: str) -> bool:
    """Whether a sign moves others, or acts on a terminal, and is not itself seen."""
    return unicodedata.category(sign) in _UNSHOWN


def markdown(text: str, longest: int = LONGEST) -> str:
    """Text for a cell of a Markdown table: no markup, HTML, link or mention comes through."""
    escaped = "".join(_MARKDOWN.get(sign, sign) for sign in plain(text, longest))
    return re.sub(r"(?i)(?<=www)\.|:(?=//)", lambda sign: f"&#{ord(sign[0])};", escaped)


def latex(text: str, longest: int = LONGEST) -> str:
    """Text for a LaTeX table: no command, comment or cell sign comes through."""
    return "".join(_LATEX.get(sign, sign) for sign in plain(text, longest))


def csv_cell(text: str) -> str:
    """Text for a CSV file: a spreadsheet takes no cell for a formula."""
    shown = plain(text)
    return "'" + shown if shown.startswith(_FORMULA) else shown
