"""Migrate stored files from earlier schema versions to the current one.

Version 1 (smmbench 0.1 before its first release) has one reference, names the seconds of cached
work `kept_seconds`, and hashes weights as files. Hashes of files cannot become hashes of tensors,
so they stay as they are; `checkpoints` is empty, and the identity of such a record is computed
over all of its parameters, as it was when it was written.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from smmbench.results.records import MethodFile, RunRecord, ScoreFile

Content = dict[str, Any]

IMPORTED = "imported"  # entry of an imported record


def migrate(content: Content, version: int, kind: type) -> Content:
    """Convert a file's content to the current schema version.

    Args:
        content: JSON of the file.
        version: Its schema version, earlier than the current one.
        kind: `RunRecord`, `ScoreFile` or `MethodFile`.
    """
    for change in CHANGES[version - 1 :]:
        content = change[kind](content)
    return content


def _record_of_1(content: Content) -> Content:
    """Every method received the source itself; for imported outputs this may not be so."""
    made_here = content.get("entry") != IMPORTED
    changed = dict(content) | {
        "schema_version": 2,
        "reference_sha256": content.get("source_sha256", "") if made_here else "",
    }
    if "kept_seconds" in changed:
        changed["cached_seconds"] = changed.pop("kept_seconds")
    return changed


def _scores_of_1(content: Content) -> Content:
    return content | {"schema_version": 2}


def _method_of_1(content: Content) -> Content:
    """Methods that were run received a clip and a prompt; for imported ones it is not recorded."""
    card = content.get("card")
    if isinstance(card, dict):
        card = card | {"input_contract": "text" if content.get("entry") else ""}
    return content | {"schema_version": 2, "card": card}


CHANGES: tuple[dict[type, Callable[[Content], Content]], ...] = (
    {RunRecord: _record_of_1, ScoreFile: _scores_of_1, MethodFile: _method_of_1},
)
"""Migration from each schema version to the next, the earliest first."""
