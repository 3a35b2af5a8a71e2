"""Cards of methods that are not run here, because their videos are imported.

A card is a TOML file; a distribution registers one under the entry point `smmbench.cards`, whose
name is the label of the videos, or the label followed by `-published`.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from smmbench import plugins
from smmbench.method import Card
from smmbench.storage.text import read_text

GROUP = "smmbench.cards"


class ImportedCard(BaseModel):
    """Card of a method whose videos were made elsewhere."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str = Field(min_length=1, description="The method's name in words.")
    why: Literal["elsewhere", "closed", "absent", "published"] = Field(
        description="Why it is not run here: `elsewhere` (your own method, run by yourself), "
        "`closed` (neither code nor weights), `absent` (there is no recipe or method), "
        "`published` (the videos are those of a publication)."
    )
    kind: Literal["method", "baseline", "control", "imported"] = Field(
        "imported", description="`method` for your own method; `imported` for another's."
    )
    paper: str = Field("", description="Reference or address.")
    code: str = Field("", description="Address of the code that made the videos.")
    licence: str = Field("", description="SPDX identifier of the videos.")
    outputs: str = Field("", description="The dataset that names published videos of it.")
    backbone: str = Field("", description="The video model that it works on.")
    original: str = Field("", description="What the paper's own code works on.")
    family: str = Field("", description="Of the backbone: `unet-3d`, `wan`, `cogvideox`.")
    input_contract: str = Field(
        "text",
        description="What the method is given besides the clip: `text`, `text-and-first-image`.",
    )
    values: str = Field("", description="Where its parameters come from.")
    tuned: str = Field("", description="How they were chosen: on what, by which rule.")
    authors: str = Field("", description="Who wrote the method.")
    contact: str = Field("", description="Whom to ask about the results.")
    seen: str = Field("", description="What it saw of the test clips before, or `none`.")
    approved_by: str = Field("", description="Author of the original who confirmed the settings.")
    notes: str = Field("", description="What else a reader must know.")

    @model_validator(mode="after")
    def _strangers_are_marked(self) -> ImportedCard:
        if self.kind != "imported" and self.why != "elsewhere":
            raise ValueError(
                f"kind: '{self.kind}' is for your own method (why = 'elsewhere'); videos that "
                f"are {self.why} are imported"
            )
        return self

    def card(self) -> Card:
        """Return the card in the board's form."""
        said = self.model_dump(exclude={"why", "outputs", "notes"})
        return Card(**said, notes=f"Not run here ({self.why}). {self.notes}".strip())


def fields_table() -> str:
    """Return every field of a card as a Markdown table for the documentation."""
    rows = [
        f"| `{name}`{' (needed)' if field.is_required() else ''} | {field.description} |"
        for name, field in ImportedCard.model_fields.items()
    ]
    return "\n".join(["| field | meaning |", "| --- | --- |", *rows])


def card_names() -> tuple[str, ...]:
    """Return the names of all cards that installed distributions register, without importing."""
    return tuple(plugins.offered(GROUP))


def load_card(reference: str) -> Card:
    """Read a card.

    Args:
        reference: A name among `card_names()`, or the path of a TOML file.

    Raises:
        LookupError: There is no card of that name; the message lists the existing ones.
        ValueError: The file cannot be read or is invalid.
    """
    if reference.endswith(".toml"):
        path = Path(reference).expanduser()
    else:
        path = Path(plugins.load_offered(GROUP, reference, "card")())
    try:
        return ImportedCard.model_validate(tomllib.loads(read_text(path))).card()
    except OSError as error:
        raise ValueError(f"The card '{path}' cannot be read: {error.strerror}.") from error
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"The card '{path}' is not TOML: {error}.") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = "".join(f"{part}: " for part in first["loc"])
        message = first["msg"].removeprefix("Value error, ")
        raise ValueError(f"The card '{path}' is wrong: {place}{message}.") from error


def card_of_label(label: str) -> Card | None:
    """Return the card for a label of imported videos, or None if there is none."""
    name = next((n for n in (f"{label}-published", label) if n in card_names()), None)
    return load_card(name) if name else None
