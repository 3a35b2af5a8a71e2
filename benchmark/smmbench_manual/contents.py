"""Table of contents of the manual, from `contents.toml`."""

from __future__ import annotations

import tomllib
from pathlib import Path

from pydantic import BaseModel, ConfigDict, model_validator

ROOT = Path(__file__).resolve().parents[2]
"""Root of the repository."""

CONTENTS = Path(__file__).with_name("contents.toml")


class Page(BaseModel):
    """One page: a file of the repository, or a generator's name."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    file: str = ""  # from the root of the repository
    generated: str = ""  # name in `reference.GENERATORS`

    @model_validator(mode="after")
    def _one_origin(self) -> Page:
        if bool(self.file) == bool(self.generated):
            raise ValueError(f"The page {self.title!r} needs either a file or a generator.")
        return self

    @property
    def stem(self) -> str:
        """Name of the page's file in the manual, without its ending."""
        if not self.file:
            return self.generated
        file = Path(self.file)
        return f"notebook-{file.stem}" if file.suffix == ".ipynb" else file.stem.lower()


class Section(BaseModel):
    """Pages under one heading of the navigation."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    pages: tuple[Page, ...]

    @property
    def folder(self) -> str:
        """Folder of the section in the manual."""
        return self.title.lower().replace(" ", "-")


class Contents(BaseModel):
    """The home page and the sections, in the order of the navigation."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    home: str
    section: tuple[Section, ...]

    def places(self) -> dict[str, Page]:
        """Path of each page within the manual, with the page."""
        found = {"index.md": Page(title="Home", file=self.home)}
        for section in self.section:
            for page in section.pages:
                place = f"{section.folder}/{page.stem}.md"
                if place in found:
                    raise ValueError(f"Two pages of the manual are {place}.")
                found[place] = page
        return found


def read_contents(path: Path = CONTENTS) -> Contents:
    """Read the table of contents.

    Raises:
        ValueError: The file does not say what a table of contents says; or two pages share a place.
    """
    contents = Contents.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    contents.places()
    return contents
