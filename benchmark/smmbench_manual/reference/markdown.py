"""Small pieces of Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def cell(value: object) -> str:
    """Write a value so that it stays in one cell of a table."""
    return " ".join(str(value).split()).replace("|", "\\|").replace("<", "&lt;")


def table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Write a table; empty text if it has no row."""
    lines = [f"| {' | '.join(cell(value) for value in row)} |" for row in rows]
    if not lines:
        return ""
    head = [f"| {' | '.join(headings)} |", "|" + " --- |" * len(headings)]
    return "\n".join([*head, *lines]) + "\n"


def code(value: object) -> str:
    """Write a value as code, even where it holds a back-tick; nothing for nothing."""
    text = " ".join(str(value).split())
    if not text:
        return ""
    mark = "``" if "`" in text else "`"
    return f"{mark}{text}{mark}"


def page(title: str, introduction: str, *parts: str) -> str:
    """Join the parts of a page under its title."""
    return "\n\n".join(part.strip() for part in (f"# {title}", introduction, *parts) if part) + "\n"
