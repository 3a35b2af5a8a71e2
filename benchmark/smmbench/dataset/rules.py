"""Rules for texts, paths and addresses in a manifest; each returns its argument if valid."""

from __future__ import annotations

import re
import unicodedata

# Characters that turn the direction of a line round: a prompt could show other than it says.
DIRECTION_MARKS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def plain_text(text: str) -> str:
    """Reject text that a table or a page would display differently from what it says."""
    for at, char in enumerate(text):
        if unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") or char in DIRECTION_MARKS:
            raise ValueError(f"character {at} (U+{ord(char):04X}) is a control character")
    if text != text.strip():
        raise ValueError("begins or ends with a blank")
    return text


def path_inside(path: str) -> str:
    """Reject a path that could leave the dataset's folder, on any system."""
    if "\\" in path:
        raise ValueError("write '/' between folders, also on Windows")
    if path.startswith("/") or re.match(r"[A-Za-z]:", path):
        raise ValueError("an absolute path; it must be relative to the dataset's folder")
    if any(part in ("", ".", "..") for part in path.split("/")):
        raise ValueError("must name a file inside the dataset's folder, without '.', '..' or '//'")
    return path


def https(url: str) -> str:
    """Reject an address without transport encryption."""
    if url and not re.match(r"https://[^/\s]+/\S+$", url):
        raise ValueError("must be an https:// address of a file")
    return url
