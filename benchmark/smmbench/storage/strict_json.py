"""Untrusted JSON: limited in size and depth, and unambiguous.

`json` alone accepts a file of any size, duplicate keys (the last one counts), NaN, and integers
with any number of digits; deep nesting ends in a `RecursionError`.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

DIGITS = 20  # of an integer: 64 bits have 19
_SURROGATE = re.compile("[\ud800-\udfff]")


class UnsafeJsonError(ValueError):
    """Error for JSON that is not accepted; the message says why, without naming the file."""


@dataclass(frozen=True)
class JsonLimits:
    """How large JSON may be.

    Attributes:
        size: Bytes of the whole.
        depth: Lists and objects one in another.
        text: Characters of one string, keys too.
    """

    size: int = 4 << 20
    depth: int = 32
    text: int = 100_000


def read_bounded(path: Path, limits: JsonLimits) -> bytes:
    """Read a regular file that is not larger than the limit.

    Raises:
        UnsafeJsonError: It is larger, or is no regular file (a pipe would be waited for).
        OSError: It cannot be read.
    """
    if not path.is_file():
        if path.exists():
            raise UnsafeJsonError("it is not a regular file")
        raise FileNotFoundError(2, "No such file", str(path))
    with path.open("rb") as file:
        text = file.read(limits.size + 1)
    if len(text) > limits.size:
        raise UnsafeJsonError(f"it has more than {limits.size} bytes")
    return text


def strict_json(text: bytes, limits: JsonLimits | None = None) -> Any:
    """Parse JSON in UTF-8.

    Raises:
        UnsafeJsonError: It is too large, too deep, not JSON, or has a key twice, NaN, an
            infinity, a number of too many digits, or half a surrogate.
    """
    limits = limits or JsonLimits()
    if len(text) > limits.size:
        raise UnsafeJsonError(f"it has more than {limits.size} bytes")
    try:
        found = json.loads(
            text.decode("utf-8"),
            object_pairs_hook=_without_doubles,
            parse_constant=_no_number,
            parse_int=_short_integer,
            parse_float=_finite,
        )
    except UnsafeJsonError:
        raise
    except RecursionError as error:
        raise UnsafeJsonError("it is nested too deeply") from error
    except UnicodeDecodeError as error:
        raise UnsafeJsonError("it is not in UTF-8") from error
    except ValueError as error:
        raise UnsafeJsonError(f"it is not JSON: {error}") from error
    _check(found, limits)
    return found


def _check(found: Any, limits: JsonLimits) -> None:
    """Walk what was parsed, one level after another."""
    level = [found]
    for _ in range(limits.depth):
        below: list[Any] = []
        texts: list[str] = []
        for value in level:
            if isinstance(value, dict):
                texts.extend(value)
                below.extend(value.values())
            elif isinstance(value, list):
                below.extend(value)
            elif isinstance(value, str):
                texts.append(value)
        _check_texts(texts, limits)
        if not below:
            return
        level = below
    raise UnsafeJsonError(f"it is nested more than {limits.depth} deep")


def _check_texts(texts: list[str], limits: JsonLimits) -> None:
    for text in texts:
        if len(text) > limits.text:
            raise UnsafeJsonError(f"it has text of more than {limits.text} characters")
        if not text.isascii() and _SURROGATE.search(text):
            raise UnsafeJsonError("it has half a surrogate, which is no character")


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise UnsafeJsonError(f"it has the key {twice[:60]!a} twice")
    return found


def _no_number(name: str) -> NoReturn:
    raise UnsafeJsonError(f"it has {name}, which JSON does not have")


def _short_integer(digits: str) -> int:
    if len(digits) > DIGITS:
        raise UnsafeJsonError(f"it has an integer of {len(digits)} digits")
    return int(digits)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise UnsafeJsonError("it has a number beyond all that a float can hold")
    return number
