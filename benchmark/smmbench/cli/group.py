"""What all commands share: options that may stand before or after them, and the end by Ctrl-C."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import typer

from smmbench.cli.usage import in_one_line
from smmbench.display import print_line
from smmbench.display.commands import Commands

FLAGS = ("--quiet",)
WITH_VALUE = ("--log-file",)


class Group(Commands):
    """Commands that take `--quiet` and `--log-file` in any place, and end with one line."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the words after `smmbench`."""
        with in_one_line():
            return super().parse_args(ctx, moved_forward(args))

    def invoke(self, ctx: Any) -> Any:
        """Run the command; without this, Typer ends it by Ctrl-C with an empty line alone."""
        try:
            with in_one_line():
                return super().invoke(ctx)
        except KeyboardInterrupt:
            print_line("Stopped.", err=True)
            raise typer.Exit(130) from None


def moved_forward(words: Sequence[str]) -> list[str]:
    """Move the options of the whole command line to its front; what follows `--` stays.

    Args:
        words: The words after `smmbench`.

    Returns:
        The same words; an option without its value alone, for the parser to say so.
    """
    front: list[str] = []
    rest: list[str] = []
    coming = list(words)
    while coming:
        word = coming.pop(0)
        if word == "--":
            return [*front, *rest, word, *coming]
        if word in FLAGS or word.startswith(tuple(f"{name}=" for name in WITH_VALUE)):
            front.append(word)
        elif word in WITH_VALUE:
            if not coming:
                return [word]
            front += [word, coming.pop(0)]
        else:
            rest.append(word)
    return [*front, *rest]
