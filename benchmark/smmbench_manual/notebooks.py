"""Notebooks as pages of the manual."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def cells(path: Path) -> list[tuple[str, str]]:
    """Kind (`markdown` or `code`) and text of each cell of a notebook in format 4."""
    notebook: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return [(cell["cell_type"], "".join(cell["source"])) for cell in notebook["cells"]]


def as_page(path: Path) -> str:
    """Write a notebook as Markdown; its first cell has the title."""
    parts = [
        text if kind == "markdown" else f"```python\n{text}\n```" for kind, text in cells(path)
    ]
    parts.insert(1, f"*This page is the notebook `{path.name}`.*")
    return "\n\n".join(parts) + "\n"
