"""Datasets: source clips, target prompts, and the protocol under which results compare.

A dataset is a TOML manifest; a distribution registers one under the entry point
`smmbench.datasets`. `load_dataset` finds and checks a manifest, and `source_video` returns one of
its clips as it is scored.
"""

from smmbench.dataset.checking import ClipCheck, PromptKey, check_dataset, missing_files
from smmbench.dataset.faults import ManifestError
from smmbench.dataset.files import (
    checked_path,
    clip_form,
    clip_path,
    source_video,
    stored_path,
    true_masks,
    true_tracks,
)
from smmbench.dataset.loading import (
    add_dataset,
    another_prompt,
    clip_named,
    dataset_names,
    edit_named,
    is_added,
    load_dataset,
    manifest_path,
    pairs,
    remove_dataset,
)
from smmbench.dataset.manifest import (
    Clip,
    Dataset,
    Edit,
    File,
    Manifest,
    Outputs,
    Protocol,
    Published,
    files_of,
    protocol_sha256,
)
from smmbench.dataset.references import reference_clip, reference_tracks, reference_video

__all__ = [
    "Clip",
    "ClipCheck",
    "Dataset",
    "Edit",
    "File",
    "Manifest",
    "ManifestError",
    "Outputs",
    "PromptKey",
    "Protocol",
    "Published",
    "add_dataset",
    "another_prompt",
    "check_dataset",
    "checked_path",
    "clip_form",
    "clip_named",
    "clip_path",
    "dataset_names",
    "edit_named",
    "files_of",
    "is_added",
    "load_dataset",
    "manifest_path",
    "missing_files",
    "pairs",
    "protocol_sha256",
    "reference_clip",
    "reference_tracks",
    "reference_video",
    "remove_dataset",
    "source_video",
    "stored_path",
    "true_masks",
    "true_tracks",
]
