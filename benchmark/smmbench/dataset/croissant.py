"""A dataset described in Croissant 1.0, with the fields of its Responsible AI extension.

The output follows the specification (https://docs.mlcommons.org/croissant/docs/croissant-spec.html
and croissant-rai-spec.html); tests check it with the validator `mlcroissant`.
"""

from __future__ import annotations

import json
from pathlib import PurePosixPath
from typing import Any

from smmbench.dataset.datasheet import Datasheet
from smmbench.dataset.manifest import Dataset, File, Manifest

FORMATS = {
    ".mkv": "video/x-matroska",
    ".mp4": "video/mp4",
    ".webm": "video/webm",
    ".avi": "video/x-msvideo",
    ".mov": "video/quicktime",
    ".gif": "image/gif",
    ".npz": "application/zip",
}
CONFORMS = ["http://mlcommons.org/croissant/1.0", "http://mlcommons.org/croissant/RAI/1.0"]
CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
"""The specification's own context, which every Croissant file contains."""


def croissant(dataset: Dataset, sheet: Datasheet | None = None) -> dict[str, Any]:
    """Describe a dataset as JSON-LD.

    Every file is a distribution with its SHA-256; clips and edits are record sets whose rows are
    part of the description. Addresses of files that ship with the manifest are relative to it.

    Args:
        dataset: The dataset.
        sheet: Its datasheet; without one there is no creator, date and Responsible AI field.
    """
    manifest = dataset.manifest
    about: dict[str, Any] = {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": CONFORMS,
        "name": manifest.name,
        "description": f"{manifest.title}. {manifest.description}",
        "license": manifest.licence,
        "version": f"{manifest.version}.0.0",
    }
    if manifest.home:
        about["url"] = manifest.home
    if manifest.citation:
        about["citeAs"] = manifest.citation
    if sheet is not None:
        own = f"{sheet.creators}: {manifest.title} ({manifest.name}), version {manifest.version}."
        about.setdefault("citeAs", own)
        about |= {
            "creator": {"@type": "sc:Organization", "name": sheet.creators},
            "datePublished": sheet.published,
            **_responsible(sheet),
        }
    return about | {
        "distribution": _distribution(manifest),
        "recordSet": [_clips(manifest), _edits(manifest)],
    }


def croissant_text(dataset: Dataset, sheet: Datasheet | None = None) -> str:
    """The description as JSON; ASCII, so that no character in it affects a terminal."""
    return json.dumps(croissant(dataset, sheet), indent=1) + "\n"


def _responsible(sheet: Datasheet) -> dict[str, Any]:
    return {
        "rai:dataCollection": sheet.collection,
        "rai:dataCollectionRawData": sheet.raw_data,
        "rai:dataPreprocessingProtocol": list(sheet.preprocessing),
        "rai:dataAnnotationProtocol": sheet.annotation,
        "rai:dataUseCases": [*sheet.uses, f"Not meant for: {sheet.misuse}"],
        "rai:dataBiases": sheet.biases,
        "rai:dataLimitations": sheet.limitations,
        "rai:dataSocialImpact": sheet.social_impact,
        "rai:personalSensitiveInformation": sheet.personal_information,
        "rai:dataReleaseMaintenancePlan": sheet.maintenance,
    }


def _distribution(manifest: Manifest) -> list[dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for clip in manifest.clips:
        parts = {"source": clip.video, "ground-truth tracks": clip.tracks, "masks": clip.masks}
        for what, file in parts.items():
            if file is not None:
                found.setdefault(file.path, _file(file, f"{what} of {clip.name}"))
    for one in manifest.outputs:
        words = f"{one.method} on {one.clip}/{one.edit}"
        found.setdefault(one.video.path, _file(one.video, words))
    return list(found.values())


def _file(file: File, description: str) -> dict[str, Any]:
    ending = PurePosixPath(file.path).suffix.lower()
    about = {"@id": file.path, "name": file.path, "description": description}
    if not ending:  # a folder of numbered images; its hash is of all of them
        images = {"encodingFormat": "image/png", "includes": f"{file.path}/*"}
        return {"@type": "cr:FileSet", **about, **images}
    return {
        "@type": "cr:FileObject",
        **about,
        "contentUrl": file.url or file.path,
        "encodingFormat": FORMATS.get(ending, "application/octet-stream"),
        "sha256": file.sha256,
    }


def _clips(manifest: Manifest) -> dict[str, Any]:
    fields = {
        "name": "Name of the clip",
        "prompt": "What the clip shows",
        "licence": "Licence of the clip",
        "attribution": "Who is to be named",
        "tags": "What the clip is an instance of, such as a family of motion",
        "pixels_sha256": "SHA-256 of its pixels in the protocol's normal form",
        "video": "Path of the source video among the distributions",
    }
    rows = [
        {
            "name": clip.name,
            "prompt": clip.prompt,
            "licence": clip.licence,
            "attribution": clip.attribution,
            "tags": ", ".join(clip.tags),
            "pixels_sha256": clip.pixels_sha256,
            "video": clip.video.path,
        }
        for clip in manifest.clips
    ]
    return _records("clips", "The source clips", "name", fields, rows)


def _edits(manifest: Manifest) -> dict[str, Any]:
    fields = {
        "pair": "Clip and edit, as CLIP/EDIT",
        "clip": "Name of the clip",
        "edit": "Name of the edit",
        "prompt": "Target prompt",
        "kind": "What it changes",
    }
    rows = [
        {
            "pair": f"{clip.name}/{edit.name}",
            "clip": clip.name,
            "edit": edit.name,
            "prompt": edit.prompt,
            "kind": edit.kind or "",
        }
        for clip in manifest.clips
        for edit in clip.edits
    ]
    made = _records("edits", "Target prompts for each clip", "pair", fields, rows)
    for field in made["field"]:
        if field["name"] == "clip":
            field["references"] = {"field": {"@id": "clips/name"}}
    return made


def _records(
    name: str, description: str, key: str, fields: dict[str, str], rows: list[dict[str, str]]
) -> dict[str, Any]:
    return {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "description": description,
        "key": {"@id": f"{name}/{key}"},
        "field": [
            {
                "@type": "cr:Field",
                "@id": f"{name}/{field}",
                "name": field,
                "description": words,
                "dataType": "sc:Text",
            }
            for field, words in fields.items()
        ],
        "data": [{f"{name}/{field}": value for field, value in row.items()} for row in rows],
    }
