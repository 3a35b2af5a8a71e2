"""Summary of a dataset, for people and scripts that are about to use it."""

from __future__ import annotations

from typing import Any

from smmbench.dataset.checking import missing_files
from smmbench.dataset.manifest import Dataset, files_of, protocol_sha256


def summary(dataset: Dataset) -> dict[str, Any]:
    """One dataset as a line of a table: what it is, and how much of it is on this machine."""
    manifest = dataset.manifest
    files = list({file.path: file for file in files_of(manifest)}.values())
    return {
        "name": manifest.name,
        "version": manifest.version,
        "title": manifest.title,
        "licence": manifest.licence,
        "clips": len(manifest.clips),
        "prompts": sum(len(clip.edits) for clip in manifest.clips),
        "outputs": len(manifest.outputs),
        "protocol": manifest.protocol.model_dump(mode="json"),
        "protocol_sha256": protocol_sha256(manifest.protocol),
        "files": len(files),
        "files_here": len(files) - len(missing_files(dataset, files)),
    }
