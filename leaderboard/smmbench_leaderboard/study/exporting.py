"""Write the choices of a study as tables for `smmbench validate`."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from smmbench.display import csv_cell
from smmbench.storage.atomic import write_text
from smmbench_leaderboard.study.analysing import counted, judgements
from smmbench_leaderboard.study.answers import Read
from smmbench_leaderboard.study.bradley_terry import FIRST
from smmbench_leaderboard.study.bradley_terry import TIE as NEITHER
from smmbench_leaderboard.study.plan import Plan
from smmbench_leaderboard.validation.people import CHOICES, TIE


def write_judgements(folder: Path, plan: Plan, read: Read) -> list[Path]:
    """Write the choices of every rater who counts, one CSV file per question (`motion.csv`).

    Args:
        folder: Folder of the files; it is created.
        plan: Plan of the study.
        read: Answer files of the study.

    Returns:
        Paths of the files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    kept, written = counted(plan, read), []
    for question in plan.questions:
        text = io.StringIO()
        rows = csv.writer(text, lineterminator="\n")
        rows.writerow(CHOICES)
        for one in judgements(plan, kept, question):
            item = plan.items[one.item]
            first, second = plan.methods[one.first], plan.methods[one.second]
            chosen = TIE if one.outcome == NEITHER else first if one.outcome == FIRST else second
            words = (item.clip, item.edit, str(item.seed), first, second, chosen)
            rows.writerow([csv_cell(word) for word in words])
        written.append(folder / f"{question}.csv")
        write_text(written[-1], text.getvalue())
    return written
