"""What makes two runs the same run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any


def parameters_sha256(entry: str, parameters: Mapping[str, Any], weights: Mapping[str, str]) -> str:
    """SHA-256 of a method's code, parameters and weights; the order of keys does not matter.

    Args:
        entry: Where the class is: `package.module:Class`.
        parameters: All of them, as JSON has them (a tuple counts as a list).
        weights: SHA-256 of each weights file, by name.
    """
    everything = {"entry": entry, "parameters": dict(parameters), "weights": dict(weights)}
    text = json.dumps(everything, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
