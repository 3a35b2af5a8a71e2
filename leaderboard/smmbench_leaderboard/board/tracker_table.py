"""Motion fidelity of one results folder under one tracker, in a separate table.

`scores.json` holds one number per metric, from the tracker that scored last. To compare trackers,
each writes its own table, and the scores next to the videos stay unchanged.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from smmbench.dataset import Clip, Dataset, clip_named, source_video, true_tracks
from smmbench.display import plain
from smmbench.metrics.conventions import Conventions
from smmbench.metrics.registry import metric
from smmbench.results import Stored
from smmbench.scoring.counting import MOTION, Key
from smmbench.scoring.loop import task_of
from smmbench.scoring.options import Options
from smmbench.scoring.scorer import Scorer
from smmbench.storage.array_cache import origin_key
from smmbench.storage.atomic import write_text
from smmbench.storage.local_paths import without_path
from smmbench.storage.strict_json import JsonLimits, UnsafeJsonError, read_bounded, strict_json
from smmbench.tracking import Tracker, open_tracker
from smmbench.tracking.truth import track_errors
from smmbench_leaderboard.board.reading import Result, Results
from smmbench_leaderboard.board.rows import card_of

KNOWN = "+known"
"""Suffix of a tracker's name: sources use ground-truth tracks, outputs are tracked."""
BATCH = 25
"""Number of videos after which the table is saved, so that an interruption loses little."""
_LIMITS = JsonLimits(size=64 << 20)


class TableRow(Stored):
    """One video."""

    method: str
    clip: str
    edit: str
    seed: int
    value: float | None  # motion fidelity; None where it could not be computed
    note: str = ""
    pixels: str  # SHA-256 of the video that was scored
    key: str  # SHA-256 of everything that the score depends on

    @property
    def pair(self) -> Key:
        """The pair: clip, edit and seed."""
        return self.clip, self.edit, self.seed


class ClipFacts(Stored):
    """Facts of one source clip.

    Attributes:
        family: The clip's first tag, its family of motion; empty if it has none.
        moving_share: Share of the source's tracked points that move; None if no video of the clip
            could be scored.
        errors: Errors of the tracker against ground-truth tracks, as in
            `tracking.truth.TrackErrors`; empty if the dataset has none.
    """

    family: str = ""
    moving_share: float | None = None
    errors: dict[str, float | None] = Field(default_factory=dict)


class TrackerTable(Stored):
    """All scores of one tracker.

    Attributes:
        tracker: Name of the tracker, without the path of its weights.
        source_tracks: Whether sources were tracked too, or use ground-truth tracks.
        origin: What the tracks depend on, according to the tracker.
        settings: What must be equal in all tables: dataset, form, grid, metric, conventions.
        kinds: Kind of each method: `method`, `baseline` or `control`.
        clips: Source clips by name.
        rows: One row per video.
        whole: Whether all videos were scored; false during scoring and after an interruption.
    """

    schema_version: Literal[1] = 1
    tracker: str
    source_tracks: Literal["tracker", "known"]
    origin: dict[str, Any]
    settings: dict[str, Any]
    kinds: dict[str, str]
    clips: dict[str, ClipFacts]
    rows: tuple[TableRow, ...]
    whole: bool = False

    @property
    def name(self) -> str:
        """Short name, such as `dis` or `dis+known`."""
        known = KNOWN if self.source_tracks == "known" else ""
        return f"{self.tracker.partition(':')[0]}{known}"


def score_table(
    results: Results, spec: str, path: Path, device: str, report: Callable[[str], None]
) -> TrackerTable:
    """Score every video under one tracker, and write its table.

    Rows of an existing table are kept if nothing that they depend on has changed.

    Args:
        results: The results whose videos are scored.
        spec: A tracker as for `--tracker`; `+known` selects ground-truth tracks of the sources.
        path: File of the table, which may exist.
        device: Device of a learned tracker.
        report: Called for each video.

    Raises:
        LookupError: There is no such tracker.
        ImportError: The code of the tracker is not installed.
        ValueError: Its weights or the ground-truth tracks are missing, or the file at `path` is not
            a table.
    """
    tracker_spec, known = spec.removesuffix(KNOWN), spec.endswith(KNOWN)
    dataset = results.dataset
    tracker = open_tracker(tracker_spec, dataset.manifest.protocol.grid, device)
    options = Options(
        metrics=(MOTION,),
        tracker=tracker_spec,
        source_tracks="known" if known else "tracker",
        device=device,
    )
    scorer = Scorer(dataset, options)
    if reason := scorer.unavailable.get(MOTION):
        raise ValueError(f"Motion fidelity cannot be computed with the tracker '{spec}': {reason}")
    earlier = read_table(path) if path.exists() else None
    table = TrackerTable(
        tracker=without_path(tracker_spec),
        source_tracks=options.source_tracks,
        origin=tracker.origin(),
        settings=_settings(dataset),
        kinds={label: card_of(results, label).kind for label in results.found},
        clips=_clips(results, tracker, earlier),
        rows=(),
    )
    kept = {(row.method, row.pair): row for row in earlier.rows} if earlier else {}
    rows: list[TableRow] = []
    shares = {name: facts.moving_share for name, facts in table.clips.items()}
    for label, key, result in videos_of(results):
        row, share = _row(label, key, result, dataset, scorer, kept.get((label, key)))
        rows.append(row)
        if share is not None:
            shares[key[0]] = share
        number = "-" if row.value is None else f"{row.value:.3f}"
        report(f"{table.name}: {label} {'/'.join(map(str, key))} {number}")
        if len(rows) % BATCH == 0:
            _write(path, _filled(table, rows, shares))
    table = _filled(table, rows, shares).model_copy(update={"whole": True})
    _write(path, table)
    return table


def read_table(path: Path) -> TrackerTable:
    """Read a table.

    Raises:
        ValueError: The file is missing or is not such a table; the message names it.
    """
    try:
        strict_json(text := read_bounded(path, _LIMITS), _LIMITS)
        return TrackerTable.model_validate_json(text, strict=True)
    except (ValidationError, UnsafeJsonError, OSError) as error:
        first = error.errors()[0] if isinstance(error, ValidationError) else None
        where = ".".join(map(str, first["loc"])) if first else ""
        why = f"{where}: {first['msg']}" if first else str(error)
        raise ValueError(
            f"'{path}' is not a readable table of a tracker's scores ({plain(why, 300)}). Delete "
            "it and name its tracker by --tracker."
        ) from error


def read_tables(folder: Path, dataset: str | None = None) -> list[TrackerTable]:
    """Read all tables of one dataset; those with ground-truth tracks of the sources come last.

    Args:
        folder: Folder of tables, with one folder per dataset.
        dataset: Name or manifest path; None if there are tables of one dataset only.

    Raises:
        ValueError: There is no table, there are tables of several datasets, or one cannot be read.
    """
    known = sorted(path.name for path in folder.glob("*") if any(path.glob("*.json")))
    if dataset is not None:
        chosen = Path(dataset).stem
    elif len(known) > 1:
        raise ValueError(f"'{folder}' has tables of {', '.join(known)}: choose one by --dataset.")
    else:
        chosen = known[0] if known else ""
    paths = sorted((folder / chosen).glob("*.json")) if chosen else []
    if not paths:
        raise ValueError(
            f"There are no tables of trackers in '{folder / chosen}'. Name two or more trackers: "
            "--tracker dis --tracker lucas-kanade."
        )
    tables = [read_table(path) for path in paths]
    return sorted(tables, key=lambda table: table.source_tracks == "known")


def table_folder(results: Path) -> Path:
    """Return the default folder of tables: next to the results folder, not in it."""
    return results.parent / f"{results.resolve().name}-trackers"


def table_path(folder: Path, dataset: str, spec: str) -> Path:
    """Return the file of a tracker's table; two checkpoints of one tracker share no file."""
    name, _, weights = spec.removesuffix(KNOWN).partition(":")
    of = f"-{Path(weights).stem}" if weights else ""
    return folder / dataset / f"{name}{of}{KNOWN if spec.endswith(KNOWN) else ''}.json"


def require_comparable(tables: Mapping[str, TrackerTable]) -> None:
    """Refuse tables that were not made of the same videos in the same way.

    Args:
        tables: Tables by the names that messages use.

    Raises:
        ValueError: There are fewer than two tables, one is not complete, their settings or a video
            differ, or two are of the same tracker and weights.
    """
    for name, table in tables.items():
        if not table.whole:
            raise ValueError(
                f"Scoring with {name} stopped after {len(table.rows)} videos. Name it by "
                "--tracker again: it resumes there."
            )
    if len(tables) < 2:
        have = f"only that of {next(iter(tables))}" if tables else "none"
        raise ValueError(
            f"Agreement needs the tables of two or more trackers; there is {have}. Name trackers: "
            "--tracker dis --tracker lucas-kanade."
        )
    (first_name, first), *others = tables.items()
    pixels = {(row.method, row.pair): row.pixels for row in first.rows}
    for name, other in others:
        if differing := _differing(first.settings, other.settings):
            raise ValueError(
                f"The tables of {first_name} and {name} do not compare: {differing}. Score both "
                "again under one protocol."
            )
        for row in other.rows:
            if pixels.get((row.method, row.pair), row.pixels) != row.pixels:
                raise ValueError(
                    f"The tables of {first_name} and {name} are of different videos of "
                    f"{row.method} {'/'.join(map(str, row.pair))}: the video was made again after "
                    "one of them. Score both trackers again."
                )
    seen: dict[str, str] = {}
    for name, table in tables.items():
        mark = json.dumps([table.origin, table.source_tracks], sort_keys=True)
        if mark in seen:
            raise ValueError(
                f"{seen[mark]} and {name} are one tracker with the same weights: it agrees with "
                "itself. Name another."
            )
        seen[mark] = name


def _differing(one: Mapping[str, Any], other: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{name} is {one.get(name)} and {other.get(name)}"
        for name in sorted({*one, *other})
        if one.get(name) != other.get(name)
    )


def _settings(dataset: Dataset) -> dict[str, Any]:
    protocol = dataset.manifest.protocol
    form = protocol.model_dump(
        mode="json",
        include={"version", "frames", "width", "height", "fps", "grid", "still_threshold"},
    )
    return {
        "dataset": dataset.manifest.name,
        "dataset_version": dataset.manifest.version,
        **{f"protocol_{name}" if name == "version" else name: v for name, v in form.items()},
        "metric_version": metric(MOTION).version,
        "conventions": json.loads(json.dumps(asdict(Conventions()))),
    }


def videos_of(results: Results) -> list[tuple[str, Key, Result]]:
    """Yield the existing videos clip by clip, so that each source is read and tracked once."""
    every = (
        (label, key, result)
        for label, by_pair in results.found.items()
        for key, result in by_pair.items()
        if result.record.status == "done"
    )
    return sorted(every, key=lambda one: (one[1], one[0]))


def _row(
    label: str, key: Key, result: Result, dataset: Dataset, scorer: Scorer, kept: TableRow | None
) -> tuple[TableRow, float | None]:
    """Return the row of a video, and the moving share of its source if computed now."""
    clip, edit, seed = key
    about = {"method": label, "clip": clip, "edit": edit, "seed": seed}
    pixels = result.record.pixels_sha256
    try:
        task = task_of(result.folder, result.record, dataset)
    except (ValueError, LookupError) as error:
        row = TableRow(**about, value=None, note=str(error), pixels=pixels, key="")  # type: ignore[arg-type]
        return row, None
    wanted = metric(MOTION)
    if kept and kept.value is not None and kept.key == origin_key(scorer.origin(wanted, task)):
        return kept, None
    score = scorer.score(wanted, task, None)
    row = TableRow(
        **about,  # type: ignore[arg-type]
        value=score.value,
        note=score.note if score.value is None else "",
        pixels=pixels,
        key=score.key,
    )
    return row, score.details.get("source_moving_share")


def _clips(
    results: Results, tracker: Tracker, earlier: TrackerTable | None
) -> dict[str, ClipFacts]:
    """Return the facts of all clips with videos, keeping earlier errors of this tracker."""
    same = earlier is not None and earlier.origin == tracker.origin()
    known = earlier.clips if earlier and same else {}
    names = sorted({key[0] for by_pair in results.found.values() for key in by_pair})
    found = {}
    for name in names:
        clip = clip_named(results.dataset, name)
        before = known.get(name, ClipFacts())
        found[name] = ClipFacts(
            family=clip.tags[0] if clip.tags else "",
            moving_share=before.moving_share,
            errors=before.errors or _errors(results.dataset, clip, tracker),
        )
    return found


def _errors(dataset: Dataset, clip: Clip, tracker: Tracker) -> dict[str, float | None]:
    """Track a source from the start points of its true tracks; empty without such tracks."""
    if clip.tracks is None:
        return {}
    try:
        truth = true_tracks(dataset, clip)
        tracked = tracker.track(source_video(dataset, clip), truth.points[:, 0])
    except ValueError:  # its file is missing, or the clip is too small for the tracker
        return {}
    return asdict(track_errors(truth, tracked))


def _filled(
    table: TrackerTable, rows: Sequence[TableRow], shares: Mapping[str, float | None]
) -> TrackerTable:
    clips = {
        name: facts.model_copy(update={"moving_share": shares[name]})
        for name, facts in table.clips.items()
    }
    return table.model_copy(update={"rows": tuple(rows), "clips": clips})


def _write(path: Path, table: TrackerTable) -> None:
    write_text(path, table.model_dump_json(indent=1) + "\n")
