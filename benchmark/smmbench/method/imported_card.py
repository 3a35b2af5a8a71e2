"""Cards of methods that are not run here: their videos are imported.

A card is a TOML file; a distribution offers one by the entry point `smmbench.cards`, whose name
is the label of the videos, or the label and `-published`.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from smmbench import plugins
from smmbench.method import Card
from smmbench.storage.text import read_text

GROUP = "smmbench.cards"


class ImportedCard(BaseModel):
    """What a reader of the board must know of videos that were made elsewhere.

    Attributes:
        why: Why it is not run here: `closed` (neither code nor weights), `absent` (nobody has
            written a recipe or a method), or `published` (the videos are those of a publication).
        outputs: The dataset that names published videos of it; empty for none.
        licence: SPDX identifier of the videos; the other fields are those of `Card`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str = Field(min_length=1)
    why: Literal["closed", "absent", "published"]
    paper: str = ""
    code: str = ""
    licence: str = ""
    outputs: str = ""
    backbone: str = ""
    notes: str = ""

    def card(self) -> Card:
        """The card as the board has it."""
        return Card(
            title=self.title,
            kind="imported",
            paper=self.paper,
            code=self.code,
            licence=self.licence,
            backbone=self.backbone,
            notes=f"Not run here ({self.why}). {self.notes}".strip(),
        )


def card_names() -> tuple[str, ...]:
    """Names of all cards that installed distributions offer; nothing is imported."""
    return tuple(plugins.offered(GROUP))


def load_card(reference: str) -> Card:
    """Read a card.

    Args:
        reference: A name among `card_names()`, or the path of a TOML file.

    Raises:
        LookupError: No card of that name; the message lists what there is.
        ValueError: The file cannot be read, or something in it is wrong.
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
        where = ".".join(map(str, first["loc"]))
        raise ValueError(f"The card '{path}' is wrong: {where}: {first['msg']}.") from error


def card_of_label(label: str) -> Card | None:
    """The card that stands for a label of imported videos; None where there is none."""
    name = next((n for n in (f"{label}-published", label) if n in card_names()), None)
    return load_card(name) if name else None
