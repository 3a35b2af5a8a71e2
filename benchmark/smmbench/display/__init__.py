"""The one door for text that people read: it shows strangers' names, and obeys none of them.

Datasets, cards, records and archives come from strangers, and so may hold terminal escapes, line
breaks that forge a line of ours, or signs that turn text around. Everything that is printed goes
through `print_line`, `print_document` or `console`; everything that is written for people goes
through an escaping of its format.
"""

from smmbench.display.escaping import csv_cell, latex, markdown, plain, visible
from smmbench.display.printing import (
    console,
    prepare_streams,
    print_document,
    print_json,
    print_line,
)
from smmbench.display.tables import print_table
from smmbench.display.talk import talk

__all__ = [
    "console",
    "csv_cell",
    "latex",
    "markdown",
    "plain",
    "prepare_streams",
    "print_document",
    "print_json",
    "print_line",
    "print_table",
    "talk",
    "visible",
]
