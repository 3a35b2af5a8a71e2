"""The schema of every file that is written or read, from the models that check them."""

from __future__ import annotations

from pydantic import BaseModel

from smmbench.dataset.manifest import Manifest
from smmbench.external.recipe.schema import Recipe
from smmbench.method.imported_card import ImportedCard
from smmbench.results.records import MethodFile, RunRecord, ScoreFile
from smmbench_leaderboard.board.types import Board
from smmbench_leaderboard.ledger.entries import EntryFacts, Notice
from smmbench_leaderboard.submission.packing import Submission
from smmbench_leaderboard.submission.verification import Report
from smmbench_manual.reference.fields import described
from smmbench_manual.reference.markdown import page

FILES: dict[str, tuple[str, type[BaseModel]]] = {
    "`record.json`": ("One pair in a results folder: how its video was made.", RunRecord),
    "`scores.json`": ("The scores of one pair, next to its record.", ScoreFile),
    "`method.json`": ("The method and its parameters, once for all pairs of a row.", MethodFile),
    "Manifest of a dataset (TOML)": ("Clips, prompts and protocol.", Manifest),
    "Recipe of official code (TOML)": ("How to run official code.", Recipe),
    "Card of imported videos (TOML)": ("The method of imported videos.", ImportedCard),
    "`submission.json`": ("The head of a submission's archive.", Submission),
    "Report of `smmbench verify --json`": ("What was verified, and what was found.", Report),
    "Board (`smmbench leaderboard --format json`)": ("Rows, cells, ranks and coverage.", Board),
    "Entry of the ledger": ("The facts of an entry besides its board.", EntryFacts),
    "Notice of the ledger": ("A retirement or a takedown.", Notice),
}


def file_schemas() -> str:
    """Write the page of all file formats."""
    shown: set[type[BaseModel]] = set()
    parts = []
    for heading, (sentence, model) in FILES.items():
        inner = "" if model in shown else described(model, shown)
        parts += [f"## {heading}", sentence, inner]
    return page(
        "File formats",
        "Unknown fields are rejected. A field with a default may be missing. Files of older schema "
        "versions remain readable.",
        *(part for part in parts if part),
    )
