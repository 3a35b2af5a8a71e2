"""Run, score and rank from Python: the commands of the same names, returning data frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from smmbench.plugins import load_offered, offered

if TYPE_CHECKING:
    from smmbench.dataset import Dataset
    from smmbench.method import Method
    from smmbench.results import Reference, RunRecord

BOARD = "smmbench.board"
"""Entry point of the function that builds a board; ranking depends on this package."""


def run(
    method: str | type[Method[Any, Any]],
    dataset: str = "emoji",
    results: str | Path = "results",
    *,
    preset: str | None = None,
    parameters: Mapping[str, Any] | None = None,
    label: str | None = None,
    reference: Reference = "forward",
    clips: Sequence[str] = (),
    edits: Sequence[str] = (),
    seeds: Sequence[int] = (),
    limit: int | None = None,
    device: str = "auto",
    batch: int = 1,
    overwrite: bool = False,
) -> pd.DataFrame:
    """Generate the videos of a method, like `smmbench run`; finished pairs are skipped.

    Args:
        method: A method's name, `path.py:Class`, or the class itself.
        dataset: A dataset's name or the path of its TOML file.
        results: The results folder.
        preset: One of the method's presets; None for that of the dataset's family, if any.
        parameters: Parameters by name, typed; they override the preset.
        label: The method's name on the board; None for its own name.
        reference: The motion that the method is given with the same prompts: `forward` (the
            clip's own), `reversed`, `other` (another clip's) or `none` (a still).
        clips: Names of clips; empty for all.
        edits: Names of edits; empty for all.
        seeds: Seeds; empty for the protocol's.
        limit: Maximum number of pairs, taken round-robin over clips.
        device: `cpu`, `cuda`, `cuda:1`, `mps`, or `auto` for a GPU if there is one.
        batch: Pairs per batch, for methods that support batching.
        overwrite: Regenerate finished pairs, even if parameters changed.

    Returns:
        One row per requested pair: `method`, `dataset`, `clip`, `edit`, `seed`, `status`
        (`done`, `failed`), `prompt`, seconds and memory, `failure`, and the path of the `video`.

    Raises:
        ValueError, LookupError, OSError, ImportError: As for the command; the message states the
            remedy.
    """
    from smmbench.results import read_record, result_folder
    from smmbench.running.executors.local import execute
    from smmbench.running.loop import plan_run
    from smmbench.running.loop import run as make
    from smmbench.running.recorder import Recorder

    plan = plan_run(
        method,
        dataset,
        Path(results),
        preset=preset,
        parameters=parameters,
        label=label,
        reference=reference,
        clips=clips,
        edits=edits,
        seeds=seeds,
        limit=limit,
        device=device,
        batch=batch,
        overwrite=overwrite,
    )
    make(plan, execute)
    recorder = Recorder(plan.job, plan.dataset.manifest)
    rows = []
    for pair, _ in plan.pairs:
        folder = result_folder(plan.job.root, recorder.request(pair))
        record = read_record(folder)
        if record is not None:
            rows.append(_row(folder, record))
    return pd.DataFrame(rows)


def score(
    results: str | Path = "results",
    dataset: str | Dataset | None = None,
    *,
    metrics: Sequence[str] | None = None,
    tracker: str | None = None,
    text_model: str | None = None,
    source_tracks: Literal["tracker", "known"] = "tracker",
    limit: int | None = None,
    device: str = "auto",
) -> pd.DataFrame:
    """Score the videos of a results folder, like `smmbench score`; no method is run.

    Args:
        results: The results folder, or a folder in it.
        dataset: Only results of this dataset; required for one that is not installed.
        metrics: Names of metrics; None for all that are computed by default.
        tracker: Replaces the protocol's tracker; the scores then belong to another protocol.
        text_model: Replaces the protocol's text model; the same applies.
        source_tracks: Whether to track sources like outputs or to use the dataset's ground truth.
        limit: Maximum number of pairs of each method, taken round-robin over the clips.
        device: `cpu`, `cuda`, `cuda:1`, `mps`, or `auto` for a GPU if there is one.

    Returns:
        One row per pair, as for `run`, with a column for each metric (empty if there is no number),
        `marks`, the rules that mark the video (a board counts such a pair of a method as the worst
        value of motion; the number here is the measured one), and `problem`, which says why a video
        was rejected or a number is missing.

    Raises:
        ValueError, LookupError: As the command; the message says what to do.
    """
    from smmbench.dataset import load_dataset
    from smmbench.environment import choose_device
    from smmbench.scoring.loop import ScoreLoop, chosen_metrics, metrics_for, results_below
    from smmbench.scoring.options import Options

    only = load_dataset(dataset) if isinstance(dataset, str) else dataset
    found = results_below(Path(results), only.manifest.name if only else None, limit)
    names = chosen_metrics(",".join(metrics)) if metrics is not None else metrics_for(found)
    options = Options(
        metrics=names,
        tracker=tracker,
        text_model=text_model,
        source_tracks=source_tracks,
        device=choose_device(device),
    )
    rows = []
    for outcome in ScoreLoop(options, [only] if only else []).run(found):
        numbers = {score.metric: score.value for score in outcome.scores}
        problems = outcome.missing(names).items()
        said = outcome.error or "; ".join(f"{name}: {why}" for name, why in problems)
        rows.append(
            _row(outcome.folder, outcome.record)
            | {name: numbers.get(name) for name in names}
            | {"marks": ", ".join(outcome.marks_that_hold), "problem": said}
        )
    return pd.DataFrame(rows)


def board(
    results: str | Path = "results", dataset: str | None = None, **options: Any
) -> pd.DataFrame:
    """Rank the methods of a results folder, like `smmbench leaderboard`.

    Args:
        results: The results folder.
        dataset: Name of the dataset, or path of its TOML file; None if there is only one.
        options: Options of the function behind the entry point `smmbench.board`, such as `scope`
            and `metrics`.

    Returns:
        One row per method, in the board's order: `method`, `title`, `kind`, each column's mean with
        `_low`, `_high`, `_best_rank` and `_worst_rank`, pairs done and expected, the share of
        marked ones, cost, `front`.

    Raises:
        ValueError, LookupError: As the command; the message says what to do.
        ImportError: No board is installed.
    """
    if not offered(BOARD):
        raise ImportError("No board is installed. Install all of `smmbench`: pip install smmbench")
    name = next(iter(offered(BOARD)))
    made: pd.DataFrame = load_offered(BOARD, name, "board")(Path(results), dataset, **options)
    return made


def _row(folder: Path, record: RunRecord) -> dict[str, Any]:
    """One pair: the request, the outcome, and its cost."""
    from smmbench.results import VIDEO

    request = record.request
    done = record.status == "done"
    return {
        "method": request.method,
        "dataset": request.dataset,
        "clip": request.clip,
        "edit": request.edit,
        "seed": request.seed,
        "reference": request.reference,
        "status": record.status,
        "prompt": record.prompt,
        "prepare_seconds": record.prepare_seconds,
        "transfer_seconds": record.transfer_seconds,
        "peak_memory_bytes": record.peak_memory_bytes,
        "failure": record.failure.message if record.failure else "",
        "video": str(folder / VIDEO) if done else "",
    }
