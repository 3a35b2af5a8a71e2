"""Printing: lines, whole documents, and a console for tables."""

from __future__ import annotations

import codecs
import io
import os
import re
import sys
from typing import TYPE_CHECKING, Any

import typer

from smmbench.display.escaping import visible
from smmbench.display.talk import talk

if TYPE_CHECKING:
    from rich.console import Console

_ASCII = {
    **dict.fromkeys("─━═╌╍┄┅┈┉╴╶╸╺╼╾", "-"),
    **dict.fromkeys("│┃║╎╏┆┇┊┋╵╷╹╻", "|"),
    **dict.fromkeys("┌┐└┘├┤┬┴┼╭╮╯╰┏┓┗┛┣┫┳┻╋╔╗╚╝╠╣╦╩╬┡┢┩┪╇╈╀╁╃╄╅╆╉╊", "+"),
    "\N{HORIZONTAL ELLIPSIS}": "...",
    "\N{EN DASH}": "-",
    "\N{EM DASH}": "-",
    "\N{MINUS SIGN}": "-",
    "\N{MULTIPLICATION SIGN}": "x",
    "\N{REPLACEMENT CHARACTER}": "?",
    "\N{BULLET}": "*",
}
"""Characters of tables and their plain replacements, for streams that cannot encode them."""

PIPE_WIDTH = 240
"""Width of a table that goes to a file or a pipe, where folding names has no benefit."""

_STYLE = re.compile(r"(\x1b\[[0-9;]*m)")  # colours alone, no sequence that moves or clears


def prepare_streams() -> None:
    r"""Let standard output and error take any text, whatever their encoding.

    On Windows, and under an old locale, they have a code page, and one sign that it lacks would
    end the command. Signs of tables become ASCII; others become `\uXXXX`, which JSON reads back.
    """
    codecs.register_error("smmbench.plain", _plainly)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors in ("strict", "surrogateescape"):
            stream.reconfigure(errors="smmbench.plain")


def _plainly(error: UnicodeError) -> tuple[str, int]:
    """Stand-ins for signs that an encoding lacks."""
    assert isinstance(error, UnicodeEncodeError)
    signs = error.object[error.start : error.end]
    return "".join(_ASCII.get(sign) or _escaped(sign) for sign in signs), error.end


def _escaped(sign: str) -> str:
    units = sign.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{int.from_bytes(units[at : at + 2]):04x}" for at in range(0, len(units), 2))


def print_line(text: object = "", *, err: bool = False, wrong: bool = False) -> None:
    """Print exactly one line, whatever the text holds.

    Line breaks in it become blanks, so that text from other sources cannot begin a line.

    Args:
        text: What to print.
        err: To standard error, where talk belongs; data goes to standard output.
        wrong: Whether it reports an error, which `--quiet` does not suppress.
    """
    line = visible(str(text))
    if err:
        talk.write(line)
    if not err or wrong or not talk.quiet:
        typer.echo(line, err=err)


def print_document(text: str, *, styled: bool = False) -> None:
    """Print several lines whose writer has escaped each part: JSON, a table, a page.

    Args:
        text: The document; a line break at its end is added where there is none.
        styled: Leave colours as they are; only for text that came out of `console`.
    """
    parts = _STYLE.split(text) if styled else [text]
    shown = (
        part if styled and _STYLE.fullmatch(part) else "\n".join(map(visible, part.split("\n")))
        for part in parts
    )
    document = "".join(shown)
    typer.echo(document, nl=not document.endswith("\n"), color=styled or None)


def print_json(value: object) -> None:
    """Print a value as JSON for machines, indented; what JSON has no form for is a `TypeError`."""
    import json

    print_document(json.dumps(value, indent=2))


def console(
    *, stderr: bool = False, file: io.StringIO | None = None, width: int | None = None
) -> Console:
    """Make a console for tables whose every cell is shown and never obeyed.

    Text is no markup, and no sign in it acts on the terminal. The console writes to standard
    output, or to what is given.
    """
    from rich.console import Console, ConsoleOptions, RenderableType, RenderHook, RenderResult
    from rich.measure import Measurement
    from rich.segment import Segment

    class Visible:
        """A renderable in whose text every sign is seen."""

        def __init__(self, inner: RenderableType) -> None:
            self.inner = inner

        def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
            for segment in console.render(self.inner, options):
                text, style, control = segment
                shown = text if control else "\n".join(map(visible, text.split("\n")))
                yield Segment(shown, style, control)

        def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
            return Measurement.get(console, options, self.inner)

    class Door(RenderHook):
        def process_renderables(self, renderables: list[Any]) -> list[Any]:
            return [Visible(one) for one in renderables]

    stream = sys.stderr if stderr else sys.stdout
    if width is None and file is None and not stream.isatty() and "COLUMNS" not in os.environ:
        width = PIPE_WIDTH
    made = Console(
        stderr=stderr,
        file=file,
        width=width,
        force_terminal=sys.stdout.isatty() if file is not None else None,
        highlight=False,
        markup=False,
        emoji=False,
    )
    made.push_render_hook(Door())
    return made
