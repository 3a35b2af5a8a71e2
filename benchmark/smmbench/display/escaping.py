"""Escape untrusted names and titles for each output format."""

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
    '"': "{''}",  # \textquotedbl is not in every encoding of fonts
    "`": r"\textasciigrave{}",
}
_LATEX_ACCENTS = {
    "\N{COMBINING GRAVE ACCENT}": "`",
    "\N{COMBINING ACUTE ACCENT}": "'",
    "\N{COMBINING CIRCUMFLEX ACCENT}": "^",
    "\N{COMBINING TILDE}": "~",
    "\N{COMBINING DIAERESIS}": '"',
    "\N{COMBINING CARON}": "v",
    "\N{COMBINING CEDILLA}": "c",
}
_LATEX_BEYOND = frozenset("\N{EN DASH}\N{EM DASH}\N{HORIZONTAL ELLIPSIS}")
"""Signs outside of Latin letters that LaTeX knows in every encoding of fonts."""

_MARKDOWN = {
    **{sign: f"&#{ord(sign)};" for sign in "<>&|"},  # HTML and table cells
    **{sign: "\\" + sign for sign in "\\`*_{}[]+~$"},
    # Some sites look for mentions and references in what the entities decode to: a word joiner,
    # which is not seen, parts the sign from the name.
    **{sign: f"&#{ord(sign)};&#8288;" for sign in "@#"},
}
_FORMULA = (  # the last four are full-width forms, which some spreadsheets take for the plain ones
    *"=+-@|%",
    "\N{FULLWIDTH EQUALS SIGN}",
    "\N{FULLWIDTH PLUS SIGN}",
    "\N{FULLWIDTH HYPHEN-MINUS}",
    "\N{FULLWIDTH COMMERCIAL AT}",
)

_AFTER_A_CUT = re.compile(rf"([;,]\s*)(?=[{re.escape(''.join(_FORMULA))}])")


def visible(text: str) -> str:
    """One line in which every character is visible: breaks become spaces, hidden ones U+FFFD."""
    if text.isprintable():  # neither breaks nor hidden characters are
        return text
    spaced = re.sub(r"[\t\n\v\f\r\x85\u2028\u2029]", " ", text)
    return "".join("\N{REPLACEMENT CHARACTER}" if hidden(sign) else sign for sign in spaced)


def plain(text: str, longest: int = LONGEST) -> str:
    """One line that any terminal shows as it is: invisible characters become U+FFFD.

    Text of more characters than `longest` is truncated with an ellipsis.
    """
    shown = visible(re.sub(r"\s+", " ", text[: 8 * longest]).strip())
    return shown if len(shown) <= longest else shown[: longest - 1] + "\N{HORIZONTAL ELLIPSIS}"


def hidden(sign: str) -> bool:
    """Whether a character is invisible and reorders others or acts on a terminal."""
    return unicodedata.category(sign) in _UNSHOWN


def markdown(text: str, longest: int = LONGEST) -> str:
    """Text for a cell of a Markdown table: no markup, HTML, link or mention comes through."""
    escaped = "".join(_MARKDOWN.get(sign, sign) for sign in plain(text, longest))
    return re.sub(r"(?i)(?<=www)\.|:(?=//)", lambda sign: f"&#{ord(sign[0])};", escaped)


def latex(text: str, longest: int = LONGEST) -> str:
    """Text for a LaTeX table: no command, comment or cell sign comes through.

    It compiles with every engine: a sign that pdfLaTeX does not know stands as its base letter, or
    else as its number, such as U+4E2D.
    """
    return "".join(_LATEX.get(sign) or _latex_letter(sign) for sign in plain(text, longest))


def _latex_letter(sign: str) -> str:
    if sign.isascii() or sign in _LATEX_BEYOND:
        return sign
    parts = unicodedata.normalize("NFKD", sign)
    letters = "".join(part for part in parts if not unicodedata.combining(part))
    if not (letters.isascii() and letters.isalnum()):
        return f"U+{ord(sign):04X}"
    accent = _LATEX_ACCENTS.get(parts[1:])
    return f"{{\\{accent}{{{letters}}}}}" if accent else letters


def csv_cell(text: str) -> str:
    """Text for a CSV file that no spreadsheet interprets as a formula, whatever its separator.

    Some spreadsheets split at semicolons instead of commas, so text after one is a cell too.
    """
    shown = _AFTER_A_CUT.sub(r"\1'", plain(text))
    return "'" + shown if shown.startswith(_FORMULA) else shown
