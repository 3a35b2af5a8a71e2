"""Data as classic scripts, because pages opened from disk can run scripts but not fetch files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from smmbench.storage.atomic import write_text


def write_data(path: Path, name: str, content: Any) -> None:
    """Write a script that passes its content to the page under a name.

    The script is pure ASCII without `<`, so that untrusted text remains text wherever it is read.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, f"smmbench.put({_json(name)}, {_json(content)});\n")


def rounded(value: float | None, digits: int = 4) -> float | None:
    """Return a number as the pages need it; None if there is none."""
    return None if value is None or value != value else round(value, digits)


def rounded_all(values: Float[np.ndarray, " n"], digits: int = 4) -> list[float | None]:
    """Return all numbers of an array as the pages need them; None where there is none."""
    return [None if value != value else value for value in np.round(values, digits).tolist()]


def _json(content: Any) -> str:
    text = json.dumps(content, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
