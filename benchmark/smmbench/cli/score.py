"""`smmbench score`: compute metrics of the videos in a results folder."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from smmbench.display import print_json, print_line
from smmbench.display.examples import examples
from smmbench.options import (
    DatasetFilter,
    Device,
    DryRun,
    Executor,
    Json,
    Limit,
    Metrics,
    RayAddress,
    ResultsArgument,
    Shard,
    TextModelOrNone,
    TrackerOrProtocols,
    Workers,
)

if TYPE_CHECKING:
    from smmbench.dataset import Dataset
    from smmbench.results import RunRecord
    from smmbench.scoring.loop import Outcome
    from smmbench.scoring.options import Options


class SourceTracks(StrEnum):
    """Origin of the tracks of sources."""

    tracker = "tracker"
    known = "known"


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command(
        "score",
        epilog=examples(
            "smmbench score results/",
            "smmbench score results/smm --metrics motion_fidelity,warp_error --dry-run",
            "smmbench score results/ --shard 1/4",
        ),
    )(score)


def score(
    results: ResultsArgument = Path("results"),
    metrics: Metrics = None,
    dataset: DatasetFilter = None,
    tracker: TrackerOrProtocols = None,
    text_model: TextModelOrNone = None,
    source_tracks: Annotated[
        SourceTracks,
        typer.Option(
            "--source-tracks",
            envvar="SMMBENCH_SOURCE_TRACKS",
            help="Track sources like outputs, or use the dataset's ground-truth tracks (known).",
        ),
    ] = SourceTracks.tracker,
    limit: Limit = None,
    shard: Shard = None,
    device: Device = "auto",
    executor: Executor = "local",
    workers: Workers = None,
    ray_address: RayAddress = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Score the videos of a results folder.

    No method is run. Scores are stored next to each video, and recomputed only if something that
    they depend on has changed. A failed result has no scores. By default: all metrics that are not
    computed by name only (and reference_fidelity if videos were made from another motion), results
    of every dataset, and the tracker and text model of the dataset's protocol. --limit counts the
    pairs of each method that have a video. With --shard, several processes score one results
    folder; each reports the means of its own share.

    Exit code: 0 all scored, 1 a video was rejected or a number is missing, 2 incorrect usage.
    """
    from smmbench.cluster.choosing import choosing_devices
    from smmbench.dataset import load_dataset
    from smmbench.results.sharding import parse_shard
    from smmbench.scoring.loop import chosen_metrics, metrics_for, results_below, share_of
    from smmbench.scoring.options import Options

    if shard is not None:
        parse_shard(shard)  # wrong use is said before anything is loaded
    only = load_dataset(dataset) if dataset else None
    unreadable: list[str] = []
    found = results_below(
        results,
        only.manifest.name if only else None,
        limit,
        lambda _, error: unreadable.append(str(error)),
    )
    names = chosen_metrics(metrics) if metrics else metrics_for(found)  # of all, whatever the share
    if shard is not None:
        found = share_of(found, shard, only)
    for line in unreadable:
        print_line(line, err=True)
    with choosing_devices(executor, ray_address, here=dry_run) as device_of:
        options = Options(
            metrics=names,
            tracker=tracker,
            text_model=text_model,
            source_tracks=source_tracks.value,
            device=device if dry_run else device_of(device),  # asking loads PyTorch
        )
        if dry_run:
            _print_plan(found, options, json)
            return
        on_ray = executor == "ray"
        try:
            outcomes = _score(found, options, only, workers, on_ray, ray_address)
        except KeyboardInterrupt:
            print_line("Stopped. Run the same command to resume.", err=True)
            raise typer.Exit(130) from None
    _print_outcomes(outcomes, options, json)
    if any(outcome.record.status == "done" for outcome in outcomes):
        print_line(f"Next: smmbench leaderboard {results}", err=True)
    else:
        print_line(
            "There is no video to score: every pair failed. The same `smmbench run` tries them "
            "again.",
            err=True,
        )
    bad = any(outcome.error or outcome.missing(options.metrics) for outcome in outcomes)
    raise typer.Exit(1 if bad or unreadable else 0)


def _score(
    found: list[tuple[Path, RunRecord]],
    options: Options,
    dataset: Dataset | None,
    workers: int | None,
    on_ray: bool,
    address: str | None,
) -> list[Outcome]:
    from smmbench.progress import progress
    from smmbench.scoring.on_ray import score_on_ray
    from smmbench.scoring.workers import default_workers, score_results

    datasets = [dataset] if dataset else []
    if on_ray:
        coming = score_on_ray(options, found, datasets, workers, address)
    else:
        count = default_workers(found) if workers is None else workers
        coming = score_results(options, found, datasets, count)
    outcomes = []
    with progress(len(found), "videos", loading=True) as report:
        for outcome in coming:
            outcomes.append(outcome)
            report(outcome.line(options.metrics), failed=bool(outcome.error))
    place = {folder: at for at, (folder, _) in enumerate(found)}
    return sorted(outcomes, key=lambda outcome: place[outcome.folder])


def _print_plan(found: list[tuple[Path, RunRecord]], options: Options, json: bool) -> None:
    from rich.table import Table

    from smmbench.display import print_table
    from smmbench.scoring.loop import state

    rows = [
        {"folder": str(folder)} | {name: state(folder, record, name) for name in options.metrics}
        for folder, record in found
    ]
    if json:
        print_json({"device": options.device, "results": rows})
        return
    table = Table("result", *options.metrics, box=None)
    for row in rows:
        table.add_row(*row.values())
    print_table(table)


def _print_outcomes(outcomes: list[Outcome], options: Options, json: bool) -> None:
    from smmbench.display import print_table
    from smmbench.scoring.summary import (
        complaints,
        remarks,
        summarise,
        summary_json,
        summary_table,
    )

    lines = summarise(outcomes, options.metrics)
    if json:
        print_json(summary_json(lines, outcomes, options.metrics))
    else:
        print_table(summary_table(lines, options.metrics))
    for remark in remarks(outcomes, options.metrics):
        print_line(f"warning: {remark}", err=True)
    for complaint in complaints(outcomes, options.metrics):
        print_line(complaint, err=True)
