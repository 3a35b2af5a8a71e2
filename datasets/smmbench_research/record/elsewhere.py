"""Work done on other machines: batches that need not be generated again, and chosen settings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from smmbench.results import Stored
from smmbench.storage.atomic import write_text
from smmbench_research.record.identity import task_key
from smmbench_research.record.making import is_done, keys_of
from smmbench_research.record.plan import Plan, Row
from smmbench_research.record.state import State


class Elsewhere(Stored):
    """Content of `done.json`, which `unpack` writes.

    The settings that searches chose travel with the keys: without them the next machine would
    search again, and could not tell which batches of these rows are done.

    Attributes:
        keys: Keys of the batches that are done.
        tuned: Text of each file that a search wrote, by file name.
    """

    keys: tuple[str, ...] = ()
    tuned: dict[str, str] = Field(default_factory=dict)


def done_here(plan: Plan, rows: Sequence[Row], state: State) -> Elsewhere:
    """List what is done in this folder, for a machine that need not do it again."""
    keys = keys_of(rows, plan, state)
    done = (
        task_key(task, keys[task.row.name])
        for task in plan.tasks(rows)
        if task.row.name in keys and is_done(task, plan, state, keys[task.row.name])
    )
    files = [state.tuned(row) for row in rows if row.search and row.name in keys]
    return Elsewhere(
        keys=tuple(sorted(done)), tuned={path.name: path.read_text("utf-8") for path in files}
    )


def read_elsewhere(path: Path | None) -> Elsewhere:
    """Read `done.json`; without a path, nothing is done elsewhere.

    Raises:
        ValueError: The file does not have the form of `Elsewhere`.
    """
    return Elsewhere() if path is None else Elsewhere.model_validate_json(path.read_bytes())


def take_tuned(elsewhere: Elsewhere, rows: Sequence[Row], state: State) -> None:
    """Write the chosen settings of rows whose search is not done in this folder."""
    for row in rows:
        path = state.tuned(row)
        if row.search and path.name in elsewhere.tuned and not path.is_file():
            write_text(path, elsewhere.tuned[path.name])
