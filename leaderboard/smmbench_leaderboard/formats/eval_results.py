"""Write a row as evaluation results for a model's page on the hub: `.eval_results/*.yaml`.

The format is that of https://huggingface.co/docs/hub/eval-results (huggingface/hub-docs,
docs/hub/eval-results.md), written by `huggingface_hub`. This is an export only: nothing is read
from there.
"""

from __future__ import annotations

import re

import yaml
from huggingface_hub import EvalResultEntry, eval_result_entries_to_yaml

from smmbench.display import plain
from smmbench_leaderboard.board.columns import RANKING
from smmbench_leaderboard.board.types import Board, Cell, Row

HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}")


def eval_results(board: Board, label: str, hub_dataset: str) -> str:
    """Write one result for each axis of a row, as YAML.

    Args:
        board: The board.
        label: Label of the row, a method that has all pairs of the board.
        hub_dataset: Name of the benchmark on the hub, such as `org/emoji`; its `eval.yaml` has a
            task for each axis (`eval_tasks`).

    Raises:
        ValueError: There is no such row, it is a control or lacks pairs, or the name is invalid.
    """
    if not HUB_NAME.fullmatch(hub_dataset):
        raise ValueError(f"'{plain(hub_dataset)}' is not a dataset of the hub; give ORG/NAME.")
    row = next((one for one in board.rows if one.label == label), None)
    if row is None:
        raise ValueError(f"No row '{plain(label)}'; there are {[one.label for one in board.rows]}.")
    if row.control or row.partial:
        what = "is a control" if row.control else "lacks pairs of this board"
        raise ValueError(f"'{plain(label)}' {what}, so it has no result to export.")
    entries = [
        EvalResultEntry(
            dataset_id=hub_dataset,
            task_id=column.name,
            value=round(mean, 6),
            notes=_notes(board, row, row.cells[column.name]),
        )
        for column in board.columns
        if column.name in RANKING and (mean := row.cells[column.name].mean) is not None
    ]
    return _yaml(eval_result_entries_to_yaml(entries))


def eval_tasks(board: Board) -> str:
    """Return the `eval.yaml` of the benchmark on the hub, with a task for each scored axis."""
    tasks = [
        {"id": column.name, "config": "default", "split": "test"}
        for column in board.columns
        if column.name in RANKING and column.scored
    ]
    about = {
        "name": f"{board.dataset} (smmbench)",
        "description": "Text-driven video motion transfer, version "
        f"{board.dataset_version} of the dataset, protocol {board.protocol.version}.",
        "evaluation_framework": "smmbench",
    }
    return _yaml({**about, "tasks": tasks})


def _notes(board: Board, row: Row, cell: Cell) -> str:
    """Describe in one line what a reader of the number must know."""
    coverage = row.coverage
    facts = [
        f"{board.dataset} version {board.dataset_version}, protocol {board.protocol.version}",
        f"{coverage.done - coverage.unscored} of {coverage.expected} pairs, others count as worst",
    ]
    if cell.interval is not None:
        low, high = cell.interval
        level = f"{board.bootstrap.level:.0%}"
        facts.append(f"{level} interval over source clips {low:.3f} to {high:.3f}")
    if row.tier:
        facts.append(f"trust tier {row.tier}")
    return plain(f"{'; '.join(facts)}; smmbench {board.smmbench}, as '{row.label}'", 500)


def _yaml(content: object) -> str:
    return str(yaml.safe_dump(content, sort_keys=False, allow_unicode=False, width=100))
