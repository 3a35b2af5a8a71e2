"""The list of commands in a help text."""

from __future__ import annotations

from typing import Any

from typer.core import TyperGroup

LONGEST = 1000  # characters of the first sentence of a command's help, which is never cut off


class Commands(TyperGroup):
    """A group of commands whose help folds the sentence on each, where Typer cuts it off."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the section `Commands`."""
        commands = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        shown = [
            (name, command.get_short_help_str(LONGEST))
            for name, command in commands
            if command is not None and not command.hidden
        ]
        if shown:
            with formatter.section("Commands"):
                formatter.write_dl(shown)
