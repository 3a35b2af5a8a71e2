"""Placeholders in a recipe's texts: `{seed}`, `{weights:base}`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


def names_in(content: Any) -> set[str]:
    """Names of all placeholders in a text, or in the texts of a table or list, however deep."""
    if isinstance(content, str):
        return set(_PLACEHOLDER.findall(content))
    if isinstance(content, Mapping):
        parts: list[Any] = [*content.keys(), *content.values()]
    elif isinstance(content, (list, tuple)):
        parts = list(content)
    else:
        return set()
    return set().union(*map(names_in, parts))


def in_text(text: str, values: Mapping[str, Any]) -> str:
    """Replace placeholders by values; placeholders inside a value are not replaced."""
    return _PLACEHOLDER.sub(lambda found: _word(values[found[1]]), text)


def in_content(content: Any, values: Mapping[str, Any]) -> Any:
    """The same in a table or list; a text that is a single placeholder takes the value's type."""
    if isinstance(content, str):
        alone = _PLACEHOLDER.fullmatch(content)
        return values[alone[1]] if alone else in_text(content, values)
    if isinstance(content, Mapping):
        return {in_content(key, values): in_content(one, values) for key, one in content.items()}
    if isinstance(content, (list, tuple)):
        return [in_content(one, values) for one in content]
    return content


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
