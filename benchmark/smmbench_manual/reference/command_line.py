"""Every command of `smmbench`: examples, arguments, options and environment variables."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import typer

from smmbench import cli
from smmbench.display.examples import example_lines
from smmbench_manual.reference.markdown import code, page, table


def commands(command: Any = None, path: tuple[str, ...] = ("smmbench",)) -> Iterator[Any]:
    """Yield the words of every command and the command, `smmbench` itself first.

    Hidden commands are left out.
    """
    command = command or typer.main.get_command(cli.app)
    yield path, command
    for name, inner in sorted(getattr(command, "commands", {}).items()):
        if not inner.hidden:
            yield from commands(inner, (*path, name))


def _default(parameter: Any) -> str:
    value = parameter.default
    if value is None or value == "" or value is False or callable(value) or value == ():
        return ""
    return "yes" if value is True else code(value)


def _described(words: tuple[str, ...], command: Any) -> str:
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    options = [
        p
        for p in command.params
        if p.param_type_name == "option" and not p.hidden and p.name != "help"
    ]
    usage = " ".join([*words, *(["[OPTIONS]"] if options else [])])
    usage += "".join(f" {_name(argument)}" for argument in arguments)
    usage += " COMMAND ..." if hasattr(command, "commands") else ""
    told = [f"```text\n{usage}\n```", inspect.cleandoc(command.help or "").replace("\b\n", "")]
    shown = example_lines(command.epilog)
    told += ["\n".join(["```bash", *shown, "```"])] if shown else []
    told.append(table(["argument", "meaning"], [(code(_name(a)), a.help or "") for a in arguments]))
    told.append(
        table(
            ["option", "default", "variable", "meaning"],
            [
                (
                    ", ".join(code(name) for name in (*o.opts, *o.secondary_opts)),
                    _default(o),
                    ", ".join(code(name) for name in variables(o)),
                    o.help or "",
                )
                for o in options
            ],
        )
    )
    return "\n\n".join([f"## `{' '.join(words)}`", *(part for part in told if part)])


def _name(argument: Any) -> str:
    name = argument.metavar or (argument.name or "").upper()
    name += "..." if argument.nargs == -1 else ""
    return name if argument.required else f"[{name}]"


def variables(option: Any) -> tuple[str, ...]:
    """Names of the environment variables that set an option."""
    named = option.envvar or ()
    return (named,) if isinstance(named, str) else tuple(named)


def command_line() -> str:
    """Write the page of all commands."""
    return page(
        "Command line",
        "Data is written to standard output and messages to standard error. The exit code is 0 "
        "if everything succeeded, 1 if something failed, and 2 for incorrect usage. An option "
        "with a variable can also be set by that environment variable. `--help` after any "
        "command prints the text shown here.",
        *(_described(words, command) for words, command in commands()),
    )
