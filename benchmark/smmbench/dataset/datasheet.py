"""Datasheet of a dataset: its motivation, composition, uses and maintenance.

The questions are those of Gebru et al., Datasheets for Datasets, Communications of the ACM 2021.
The datasheet is stored next to the manifest and is not part of it, so that its text can be improved
without a new version of the dataset.
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
        published: Date of its first publication, for example 2026-11-22.
        motivation: Purpose for which it was made.
        composition: What an instance is, and what the dataset contains.
        collection: How clips and prompts were created.
        raw_data: Where the raw data is.
        preprocessing: What was done to them, step by step.
        annotation: Who or what made labels, tracks and masks.
        uses: What it is for.
        misuse: What it is not for.
        biases: How it differs from the real world.
        limitations: What cannot be concluded from it.
        social_impact: Benefits and harms that it may cause.
        personal_information: Whether people can be recognised in it.
        distribution: How to obtain it, and under which licence.
        maintenance: Who maintains it, how errors are reported and corrected, and how old versions
            are kept.
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
    "composition": "What does it contain?",
    "collection": "How were clips and prompts created?",
    "raw_data": "Where is the raw data?",
    "preprocessing": "What was done to them?",
    "annotation": "Who or what made labels, tracks and masks?",
    "uses": "What is it for?",
    "misuse": "What is it not for?",
    "biases": "How does it differ from the real world?",
    "limitations": "What cannot be concluded from it?",
    "social_impact": "Which benefits and harms may it cause?",
    "personal_information": "Can people be recognised in it?",
    "distribution": "How can it be obtained, and under which licence?",
    "maintenance": "Who maintains it, and what happens to old versions?",
}
"""Headings of the sheet, in its order."""


def datasheet_of(dataset: Dataset) -> Datasheet | None:
    """Return the datasheet next to a dataset's manifest, or None if there is none.

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
                raise ValueError(f"'{path}' is not a valid datasheet: {error}") from error
    return None


def datasheet_markdown(dataset: Dataset, sheet: Datasheet) -> str:
    """Render the datasheet as a Markdown page, with the facts that the manifest states."""
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
