"""Pages that are written from the code, so that they cannot part from it."""

from __future__ import annotations

from collections.abc import Callable

from smmbench_manual.reference.cards import method_cards, metric_cards
from smmbench_manual.reference.command_line import command_line
from smmbench_manual.reference.environment_variables import environment_variables
from smmbench_manual.reference.files import file_schemas
from smmbench_manual.reference.python_api import python_api

GENERATORS: dict[str, Callable[[], str]] = {
    "command-line": command_line,
    "python-api": python_api,
    "file-formats": file_schemas,
    "environment-variables": environment_variables,
    "method-cards": method_cards,
    "metric-cards": metric_cards,
}
"""Function that writes each generated page."""
