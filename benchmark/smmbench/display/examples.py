"""Examples below a command's help: written where the command is registered, and read back from it.

    app.command("status", epilog=examples("smmbench status results/"))

Packages that add commands through the entry point `smmbench.commands` may use them too.
"""

from __future__ import annotations

HEADING = "Examples:"


def examples(*lines: str) -> str:
    """Write the text below a command's help from command lines that a person could type.

    Args:
        lines: Each begins with `smmbench`. The command line and the manual show them unchanged.

    Raises:
        ValueError: There is no line, or one of them is another program's.
    """
    if not lines or any(line.split()[:1] != ["smmbench"] for line in lines):
        raise ValueError(f"Examples are lines that begin with 'smmbench', got {lines}.")
    # \b: what follows keeps its line breaks.
    return "\n".join(["\b", HEADING, *(f"  {line}" for line in lines)])


def example_lines(epilog: str | None) -> list[str]:
    """Read the lines back from what `examples` wrote; none from any other text."""
    lines = (epilog or "").splitlines()
    if lines[:2] != ["\b", HEADING]:
        return []
    return [line.strip() for line in lines[2:]]
