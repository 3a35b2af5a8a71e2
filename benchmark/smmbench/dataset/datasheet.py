"""What a dataset's datasheet says: why it was made, of what, for which uses, and who keeps it.

The questions are those of Gebru et al., Datasheets for Datasets, Communications of the ACM 2021.
The sheet lies beside the manifest and is no part of it, so that words can be improved without
another version of the dataset.
"""

from __future__ import annotations

import tomllib
from typing import Annotated

from pydantic import Field, ValidationError

from smmbench.dataset.manifest import Dataset, Record

Answer = Annotated[str, Field(min_length=1)]


class Datasheet(Record):
    """The answers; each is one or more full sentences.

    Attributes:
        creators: Who made the dataset.
        published: Day of its first publication, as 2026-11-22.
        motivation: For which purpose it was made.
        composition: What an instance is, and what the dataset holds.
        collection: How clips and prompts came to be.
        raw_data: Where the raw data is.
        preprocessing: What was done to them, step by step.
        annotation: Who or what made labels, tracks and masks.
        uses: What it is for.
        misuse: What it is not for.
        biases: In which ways it is not like the world.
        limitations: What cannot be concluded from it.
        social_impact: Good and harm that may come of it.
        personal_information: Whether people can be recognised in it.
        distribution: How it is had, and under which licence.
        maintenance: Who keeps it, how errors are reported and corrected, and old versions kept.
    """

    creators: Answer
    published: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]
    motivation: Answer
    composition: Answer
    collection: Answer
    raw_data: Answer
    preprocessing: tuple[Answer, ...] = Field(min_length=1)
    annotation: Answer
    uses: tuple[Answer, ...] = Field(min_length=1)
    misuse: Answer
    biases: Answer
    limitations: Answer
    social_impact: Answer
    personal_information: Answer
    distribution: Answer
    maintenance: Answer


QUESTIONS = {
    "motivation": "Why was it made?",
    "composition": "What does it hold?",
    "collection": "How did clips and prompts come to be?",
    "raw_data": "Where is the raw data?",
    "preprocessing": "What was done to them?",
    "annotation": "Who or what made labels, tracks and masks?",
    "uses": "What is it for?",
    "misuse": "What is it not for?",
    "biases": "In which ways is it not like the world?",
    "limitations": "What cannot be concluded from it?",
    "social_impact": "Which good and harm may come of it?",
    "personal_information": "Can people be recognised in it?",
    "distribution": "How is it had, and under which licence?",
    "maintenance": "Who keeps it, and what becomes of old versions?",
}
"""Headings of the sheet, in its order."""


def datasheet_of(dataset: Dataset) -> Datasheet | None:
    """The datasheet beside a dataset's manifest; None if there is none.

    It is `NAME.datasheet.toml`, or `datasheet.toml` for all datasets of a folder.

    Raises:
        ValueError: It is not readable, or an answer is missing.
    """
    for name in (f"{dataset.manifest.name}.datasheet.toml", "datasheet.toml"):
        path = dataset.root / name
        if path.is_file():
            try:
                return Datasheet.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
            except (ValidationError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
                raise ValueError(f"'{path}' is no datasheet: {error}") from error
    return None


def datasheet_markdown(dataset: Dataset, sheet: Datasheet) -> str:
    """The sheet as a page of Markdown, with the facts that the manifest states."""
    manifest = dataset.manifest
    edits = sum(len(clip.edits) for clip in manifest.clips)
    lines = [
        f"# Datasheet of {manifest.name}, version {manifest.version}",
        "",
        f"{manifest.title}. {manifest.description}",
        "",
        f"{len(manifest.clips)} clips and {edits} edits; licence {manifest.licence}. Made by "
        f"{sheet.creators}, first published on {sheet.published}.",
        "",
    ]
    for field, question in QUESTIONS.items():
        answer = getattr(sheet, field)
        lines += [f"## {question}", ""]
        lines += [answer] if isinstance(answer, str) else [f"- {one}" for one in answer]
        lines.append("")
    return "\n".join(lines)
