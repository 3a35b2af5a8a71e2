"""Errors of usage in one line, like all others: what came, what is possible, where to read more."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer

UsageError: Any = typer.BadParameter.__base__  # Typer brings its own Click, whose name is private


@contextmanager
def in_one_line() -> Iterator[None]:
    """Raise errors of usage as `ValueError`, which `main` prints after `smmbench:`.

    Typer prints two lines of usage before the error. The help of a group that was named without a
    command passes as it is.
    """
    try:
        yield
    except UsageError as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            raise
        raise ValueError(_words(error)) from None


def _words(error: Any) -> str:
    """Describe an error of usage, with the value that came and the command whose help explains."""
    said = re.sub(r" \(env var: [^()]*\)", "", error.format_message())
    said = said.replace("Value error, ", "").rstrip(".")
    # Pydantic's faults, if the value does not fit the option's type.
    faults: list[Any] = getattr(error.__cause__, "errors", list)()
    if faults and f"'{faults[0]['input']}'" not in said:
        said += f"; got '{faults[0]['input']}'"
    command = error.ctx.command_path if error.ctx else "smmbench"
    return f"{said}{'' if said.endswith('?') else '.'} See `{command} -h`."
