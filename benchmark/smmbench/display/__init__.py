"""All output for people: it displays untrusted names, and never executes what they contain.

Datasets, cards, records and archives are untrusted, and may contain terminal escapes, line breaks
that forge a line of output, or characters that reverse text. Everything that is printed goes
through `print_line`, `print_document` or `console`; everything that is written for people is
escaped for its format.
"""

from smmbench.display.escaping import csv_cell, latex, markdown, plain, visible
from smmbench.display.printing import (
    console,
    prepare_streams,
    print_document,
    print_json,
    print_line,
)
from smmbench.display.tables import fitted, print_table
from smmbench.display.talk import talk

__all__ = [
    "console",
    "csv_cell",
    "fitted",
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
