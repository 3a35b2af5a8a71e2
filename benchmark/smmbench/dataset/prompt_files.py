"""Read prompts and captions from a table or a JSON file, by clip."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from smmbench.storage.text import read_table, read_text

COLUMNS = ("clip", "prompt", "caption", "edit")


@dataclass(frozen=True)
class Asked:
    """The prompts of one clip.

    Attributes:
        caption: What the clip shows; empty if not given.
        edits: Target prompts by their names, in the table's order.
        kinds: What an edit changes, by its name, where that is known; see `Edit.kind`.
        tags: Words on the clip, such as its level of difficulty.
    """

    caption: str = ""
    edits: dict[str, str] = field(default_factory=dict)
    kinds: Mapping[str, str] = field(default_factory=dict)
    tags: tuple[str, ...] = ()


def read_prompts(path: Path) -> dict[str, Asked]:
    """Read a table with a row for each target prompt, or a JSON file, by clip.

    A table has the columns `clip` and `prompt`, and optionally `caption` (what the clip shows) and
    `edit` (the prompt's name, by default made from its words). In JSON it is the same: a list of
    objects with these keys, or an object that maps each clip to a prompt or to a list of prompts.

    Raises:
        ValueError: The file is invalid; the message says where.
    """
    if path.suffix.lower() == ".json":
        rows = _json_rows(path)
    else:
        rows = [
            (f"line {row.line}", row.values)
            for row in read_table(path, ("clip", "prompt"), ("caption", "edit"))
        ]
    found: dict[str, Asked] = {}
    for place, row in rows:
        clip, prompt = row["clip"], row["prompt"]
        if not clip or not prompt:
            raise ValueError(f"'{path}', {place}: no clip or no prompt.")
        one = found.get(clip, Asked())
        name = row.get("edit", "") or slug(prompt)
        if name in one.edits:
            raise ValueError(
                f"'{path}', {place}: edit '{name}' of clip '{clip}' occurs twice; give names "
                "in a column `edit`."
            )
        caption = row.get("caption", "") or one.caption
        if one.caption and caption != one.caption:
            raise ValueError(
                f"'{path}', {place}: clip '{clip}' has two captions, '{one.caption}' and "
                f"'{caption}'."
            )
        found[clip] = Asked(caption, {**one.edits, name: prompt})
    if not found:
        raise ValueError(f"'{path}' has no line below its first.")
    return found


def read_captions(source: str, prompts: dict[str, Asked]) -> dict[str, Asked]:
    """Add captions to prompts that have none.

    Args:
        source: `names`, for the words of each clip's name (`bear-walking_02` shows "bear
            walking"), or the path of a JSON file that maps clips to captions.
        prompts: Prompts as returned by `read_prompts`.

    Raises:
        ValueError: The file is no such JSON.
    """
    if source == "names":
        captions = {clip: " ".join(re.findall("[^\\W\\d_]+", clip)) for clip in prompts}
    else:
        content = _json(Path(source))
        if not isinstance(content, dict) or not all(isinstance(v, str) for v in content.values()):
            raise ValueError(f"'{source}' must be a JSON object that maps clips to captions.")
        captions = {clip.strip(): text.strip() for clip, text in content.items()}
    return {
        clip: replace(asked, caption=asked.caption or captions.get(clip, ""))
        for clip, asked in prompts.items()
    }


def _json(path: Path) -> Any:
    try:
        return json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise ValueError(f"'{path}' is not JSON: {error}.") from error


def _json_rows(path: Path) -> list[tuple[str, dict[str, str]]]:
    """Rows of a JSON file in the form of a table, each with its position."""
    content = _json(path)
    if isinstance(content, dict):
        content = [
            {"clip": clip, "prompt": prompt}
            for clip, prompts in content.items()
            for prompt in (prompts if isinstance(prompts, list) else [prompts])
        ]
    if not isinstance(content, list):
        raise ValueError(f"'{path}' must be a JSON list of objects, or an object by clip.")
    rows = []
    for number, row in enumerate(content, 1):
        texts = isinstance(row, dict) and all(isinstance(value, str) for value in row.values())
        if not texts or not {"clip", "prompt"} <= set(row) <= set(COLUMNS):
            raise ValueError(
                f"'{path}', object {number}: it must have the keys clip and prompt, and may have "
                "caption and edit, each with a text."
            )
        rows.append((f"object {number}", {name: text.strip() for name, text in row.items()}))
    return rows


def slug(text: str) -> str:
    """A name made from a text's words: `A cat, running!` becomes `a-cat-running`."""
    words = re.findall("[a-z0-9]+", text.casefold())
    return "-".join(words)[:64].strip("-") or "edit"
