"""Read text files and tables that people write; shared by all commands."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
SEPARATORS = ",;\t"
"""What may stand between the fields of a table: spreadsheets choose by language."""


def read_text(path: Path) -> str:
    """Read a text file in UTF-8, or in UTF-16 with a byte-order mark; the mark is left out.

    Raises:
        ValueError: It is text of another encoding.
        OSError: It cannot be read.
    """
    content = path.read_bytes()
    encoding = next((name for mark, name in _MARKS if content.startswith(mark)), "utf-8")
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        raise ValueError(
            f"'{path}' is not UTF-8 text (byte {error.start}). Save it as UTF-8; spreadsheets "
            "call that 'CSV UTF-8'."
        ) from error


@dataclass(frozen=True)
class Row:
    """One row of a table.

    Attributes:
        line: Its last line in the file, counted from 1.
        values: By column, without blanks around them; empty where the table says nothing.
    """

    line: int
    values: dict[str, str]


def read_table(path: Path, needed: Sequence[str], known: Collection[str] = ()) -> list[Row]:
    """Read a table whose first line names its columns, as spreadsheets write it.

    Fields stand between commas, semicolons or tabs, whichever the first line has. Blanks around
    fields, and rows and columns in which nothing stands, are left out.

    Args:
        path: The table, in UTF-8 or UTF-16.
        needed: Columns that must be there.
        known: Columns that may be there too; others are refused if any are named here.

    Raises:
        ValueError: It is no such table; the message says which line.
    """
    text = read_text(path)
    separator = _separator(text.partition("\n")[0], needed)
    with io.StringIO(text, newline="") as file:
        try:
            return _rows(csv.reader(file, delimiter=separator), path, needed, known)
        except csv.Error as error:
            raise ValueError(f"'{path}' is not a table: {error}.") from error


def _separator(first: str, needed: Sequence[str]) -> str:
    """The separator by which the first line has the most of the needed columns."""

    def columns(separator: str) -> int:
        names = {name.strip().strip('"').strip() for name in first.split(separator)}
        return len(names & set(needed))

    return max(SEPARATORS, key=columns)


def _rows(reader: Any, path: Path, needed: Sequence[str], known: Collection[str]) -> list[Row]:
    names = [name.strip() for name in next(reader, [])]
    while names and not names[-1]:
        names.pop()
    lacking = [name for name in needed if name not in names]
    strange = [name for name in names if name not in (*needed, *known)] if known else []
    if lacking or strange:
        fault = f"lacks the column {_and(lacking)}" if lacking else f"has a column {_and(strange)}"
        may = f", and may have {_and(known)}" if known else ""
        raise ValueError(
            f"'{path}' {fault}: it must have the columns {_and(needed)}{may}, with a comma, a "
            f"semicolon or a tab between them; its first line is: {', '.join(names) or 'empty'}."
        )
    rows: list[Row] = []
    for fields in reader:
        values = [field.strip() for field in fields]
        if not any(values):
            continue
        if any(values[len(names) :]):
            raise ValueError(
                f"'{path}', line {reader.line_num}: more fields than the first line has; put "
                'quotes (") around what has a separator in it.'
            )
        values += [""] * (len(names) - len(values))
        rows.append(Row(reader.line_num, dict(zip(names, values, strict=False))))
    return rows


def _and(names: Collection[str]) -> str:
    *before, last = names
    return f"{', '.join(before)} and {last}" if before else last
