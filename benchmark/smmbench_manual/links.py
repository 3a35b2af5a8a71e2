"""Links of a page, when the page moves from the repository into the manual."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath

PICTURES = {".gif", ".jpeg", ".jpg", ".png", ".svg"}
_LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\[\]]*\])*)\]\(([^()\s]+)\)")
_FENCE = re.compile(r"^( *)(```|~~~).*?^\1\2[ \t]*$", re.DOTALL | re.MULTILINE)


def outside_code(text: str, change: Callable[[str], str]) -> str:
    """Apply `change` to what stands outside fenced blocks of code."""
    parts, end = [], 0
    for fence in _FENCE.finditer(text):
        parts += [change(text[end : fence.start()]), fence[0]]
        end = fence.end()
    return "".join([*parts, change(text[end:])])


def moved(
    text: str, origin: str, place: str, places: Mapping[str, str], root: Path, repository: str = ""
) -> tuple[str, dict[str, Path]]:
    """Rewrite the relative links of a page for its place in the manual.

    A link to another page leads to that page of the manual. A picture is copied next to the pages.
    A link to any other file leads to the repository's address, or, where none is known, becomes
    the words and the path.

    Args:
        text: The page, in Markdown.
        origin: Its path from the root of the repository, `/` between the parts.
        place: Its path in the manual.
        places: Path in the manual of each file of the repository that is a page of it.
        root: Root of the repository.
        repository: Address that paths are appended to; empty if there is none.

    Returns:
        The text, and the pictures to copy: their path in the manual, and their file.

    Raises:
        ValueError: A link leads to a file that is not there.
    """
    pictures: dict[str, Path] = {}

    def relative(target: str) -> str:
        return os.path.relpath(target, PurePosixPath(place).parent.as_posix() or ".")

    def replaced(match: re.Match[str]) -> str:
        mark, words, address = match.groups()
        path, hash_, anchor = address.partition("#")
        if re.match(r"[a-z]+:", address) or not path:
            return match[0]
        target = os.path.normpath(PurePosixPath(origin).parent / path)
        if target in places:
            return f"{mark}[{words}]({relative(places[target])}{hash_}{anchor})"
        file = root / target
        if not file.exists():
            raise ValueError(f"{origin} links to {path}, which is not there.")
        if file.suffix in PICTURES:
            copied = f"pictures/{target.replace('/', '-')}"
            pictures[copied] = file
            return f"{mark}[{words}]({relative(copied)})"
        if repository:
            return f"[{words}]({repository.rstrip('/')}/{target})"
        return f"{words} (`{target}`)" if words.strip("`") not in target else f"`{target}`"

    return outside_code(text, lambda part: _LINK.sub(replaced, part)), pictures
