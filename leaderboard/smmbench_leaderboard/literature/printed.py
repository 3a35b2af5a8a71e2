"""Values that papers print for methods, with their conditions and how they were read."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from pydantic import Field

from smmbench.results import Stored
from smmbench_leaderboard.literature.references import works_named

VARIANTS = frozenset({"SMMDiTFlow", "SMMGrid", "SMMMask"})
"""Classes whose cards cite a paper of which they are a variant; its values do not apply."""

Axis = Literal["motion", "text"]
AXES: tuple[Axis, ...] = ("motion", "text")


class PrintedValue(Stored):
    """The values of one method in one table, as they are printed.

    Attributes:
        method: Key of the method's work in `references`, or its name if that does not list it.
        printed: The method's name in the table.
        backbone: Backbone that was used; empty if unknown.
        motion: Motion fidelity.
        text: Text similarity.
        checked: Overrides the table's `checked` for this value.
    """

    method: str
    printed: str
    backbone: str = ""
    motion: float | None = None
    text: float | None = None
    checked: bool | None = None


class PrintedTable(Stored):
    """One table of one paper, or a part of it.

    Attributes:
        name: Unique among all tables.
        work: Key of the paper in `references`, or its name if that does not list it.
        paper: Short name of the paper.
        address: Address of the paper.
        table: Which table or figure.
        data: Clips and prompts.
        frames: Frames per clip; None if unknown.
        motion: What the paper's motion score is.
        same_quantity: Whether that is motion fidelity by its usual definition.
        tracker: Tracker of the motion score; empty if unknown.
        text_model: Model of the text similarity.
        scale: Printed value of a text similarity of 1.
        motion_scale: Printed value of a motion fidelity of 1.
        precision: Half the width of the range within which a value was read; None for printed
            digits.
        reading: Read from a plot, from a transcription, or from the paper itself.
        read_from: Addresses of the sources that were read.
        checked: Whether two independent readings agree.
        note: What else a reader must know.
        values: One for each method.
    """

    name: str
    work: str
    paper: str
    address: str
    table: str
    data: str
    frames: int | None = None
    motion: str
    same_quantity: bool = True
    tracker: str = ""
    text_model: str
    scale: float = Field(gt=0)
    motion_scale: float = Field(default=1.0, gt=0)
    precision: float | None = None
    reading: Literal["plot", "transcription", "paper"]
    read_from: tuple[str, ...] = Field(min_length=1)
    checked: bool = False
    note: str = ""
    values: tuple[PrintedValue, ...] = Field(min_length=1)

    def on(self, axis: Axis, value: PrintedValue) -> float | None:
        """A value on an axis, on the scale of a cosine; None where the table has none."""
        found = value.motion if axis == "motion" else value.text
        return (
            None
            if found is None
            else found / (self.motion_scale if axis == "motion" else self.scale)
        )


class Printed(Stored):
    """One value with its table."""

    table: PrintedTable
    value: PrintedValue

    @property
    def motion(self) -> float | None:
        """Motion fidelity, at most 1."""
        return self.table.on("motion", self.value)

    @property
    def text(self) -> float | None:
        """Text similarity as a cosine."""
        return self.table.on("text", self.value)

    @property
    def read(self) -> str:
        """How the value was read, and whether that was confirmed."""
        table, value = self.table, self.value
        checked = table.checked if value.checked is None else value.checked
        if table.reading == "paper":
            return "read in the paper"
        if table.reading == "plot":
            return f"read off a plot, \N{PLUS-MINUS SIGN}{table.precision:g}"
        return "two transcriptions agree" if checked else "one transcription, not confirmed"


@cache
def _content() -> dict[str, Any]:
    return tomllib.loads(
        (files("smmbench_leaderboard.literature") / "values.toml").read_text("utf-8")
    )


@cache
def printed_tables() -> tuple[PrintedTable, ...]:
    """Return all tables of `values.toml`, in its order."""
    return tuple(PrintedTable.model_validate(one) for one in _content()["tables"])


def shown_name(work: str) -> str:
    """Return the display name of a method, by the key of its work."""
    return str(_content()["methods"].get(work, work))


def printed_of(work: str) -> list[Printed]:
    """Return what is printed for a method, by the key of its work."""
    return [
        Printed(table=table, value=value)
        for table in printed_tables()
        for value in table.values
        if value.method == work
    ]


def method_of(entry: str, paper: str) -> str:
    """Return the key of a row's work; empty for controls, variants and unknown works.

    Args:
        entry: Entry point of the row's class, as in its record.
        paper: Reference on its card.
    """
    if paper.startswith("a variant of") or entry.rpartition(":")[2] in VARIANTS:
        return ""
    works = works_named(paper)
    return works[0].key if len(works) == 1 else ""
