"""Rows of a contact sheet of a results folder: sources, outputs, and missing videos."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from smmbench.contact_sheet.sheet import Heading, Row, evenly_spaced
from smmbench.dataset import Dataset, clip_named, load_dataset, source_video
from smmbench.metrics.registry import metric
from smmbench.plugins import no_such
from smmbench.results import (
    VIDEO,
    RunRecord,
    find_records,
    marks_of,
    read_method,
    scores_of,
)
from smmbench.video import read_video

MOTION = "motion_fidelity"
"""The metric to which marks apply."""

Found = tuple[Path, RunRecord]  # the folder of a result, and its record
Pair = tuple[str, str, str]  # names of dataset, clip and edit


@dataclass(frozen=True)
class Choice:
    """Which results to show; an empty tuple is all.

    Attributes:
        clips: Names of clips.
        edits: Names of edits.
        seeds: Seeds.
        methods: Labels of methods, in the order in which they are shown.
    """

    clips: tuple[str, ...] = ()
    edits: tuple[str, ...] = ()
    seeds: tuple[int, ...] = ()
    methods: tuple[str, ...] = ()


def chosen_results(
    root: Path,
    dataset: Dataset | None,
    choice: Choice,
    unreadable: Callable[[Path, ValueError], None] | None = None,
) -> list[Found]:
    """Return the results below a folder that a sheet shows, by dataset, clip, edit and seed.

    Args:
        root: The results folder, or any folder further down.
        dataset: Only results of this one; None is all.
        choice: Which of them.
        unreadable: Receives folders whose record cannot be read; None raises an error instead.

    Raises:
        LookupError: A requested name does not exist; the message lists the existing ones.
        ValueError: There is no results folder, or no result in it.
    """
    every = find_records(root, unreadable)
    found = [item for item in every if item[1].request.reference == "forward"]
    if dataset is not None:
        name = dataset.manifest.name
        _check("dataset", [name], {record.request.dataset for _, record in found})
        found = [item for item in found if item[1].request.dataset == name]
    if not found:
        raise ValueError(
            f"No results in '{root}'. Generate some with `smmbench run --method NAME`."
        )
    requests = [record.request for _, record in found]
    _check("clip in the results", choice.clips, {request.clip for request in requests})
    _check("edit in the results", choice.edits, {request.edit for request in requests})
    _check("method in the results", choice.methods, {request.method for request in requests})
    _check(
        "seed in the results",
        [str(seed) for seed in choice.seeds],
        {str(request.seed) for request in requests},
    )
    kept = [item for item in found if _is_chosen(item[1], choice)]
    if not kept:
        raise LookupError(f"No result in '{root}' matches all of the given options together.")
    return sorted(kept, key=lambda item: (*_pair(item), item[1].request.seed))


def pairs_of(found: list[Found]) -> list[Pair]:
    """The pairs that there are results of, each once, in their order."""
    return list(dict.fromkeys(map(_pair, found)))


def sheet_rows(
    found: list[Found],
    pairs: list[Pair],
    dataset: Dataset | None,
    choice: Choice,
    columns: int,
) -> Iterator[Heading | Row]:
    """Yield the rows: for each clip its source, and for each edit every method and seed.

    A method with results for the dataset but none for a pair has a row that says so.

    Args:
        found: What `chosen_results` gave.
        pairs: Those of `pairs_of(found)` to show.
        dataset: Where sources are from; None looks each up by the name in the records.
        choice: Its methods set the order.
        columns: Frames a row.
    """
    there = {(_pair(item), item[1].request.method, item[1].request.seed): item for item in found}
    before = None
    for pair in pairs:
        name, clip, edit = pair
        if (name, clip) != before:
            yield Heading(f"{name} / {clip}", main=True)
            yield _source_row(dataset, name, clip, columns)
            before = name, clip
        prompts = {item[1].prompt: None for item in found if _pair(item) == pair}
        yield Heading(f"{edit}: {' | '.join(prompts)}")
        methods = choice.methods or sorted({key[1] for key in there if key[0][0] == name})
        seeds = choice.seeds or sorted({key[2] for key in there if key[0] == pair})
        for method in methods:
            for seed in seeds:
                yield _result_row(method, seed, there.get((pair, method, seed)), columns)


def worst_rows(
    found: list[Found], name: str, count: int, dataset: Dataset | None, columns: int
) -> Iterator[Heading | Row]:
    """Yield the results with the worst scores in a metric, worst first, each below its source.

    For motion fidelity, marked results of methods come first, because a board counts them as worst.

    Args:
        found: What `chosen_results` gave.
        name: Of the metric.
        count: How many results, at most.
        dataset: Where sources are from; None looks each up by the name in the records.
        columns: Frames a row.

    Raises:
        LookupError: There is no such metric.
        ValueError: No result has a number of it.
    """
    sign = 1 if metric(name).higher_is_better else -1
    scored = [
        (not (name == MOTION and _counts_as_worst(item)), sign * score.value, item)
        for item in found
        if (score := scores_of(*item).get(name)) is not None and score.value is not None
    ]
    if not scored:
        raise ValueError(f"No result here has a number of '{name}'. Run `smmbench score` first.")
    worst = sorted(scored, key=lambda one: (*one[:2], str(one[2][0])))[:count]
    for place, (*_, item) in enumerate(worst, start=1):
        folder, record = item
        request = record.request
        yield Heading(f"{place}. {request.dataset} / {request.clip} / {request.edit}", main=True)
        yield Heading(record.prompt)
        yield _source_row(dataset, request.dataset, request.clip, columns)
        row = _result_row(request.method, request.seed, item, columns)
        numbers = [
            f"{one.metric} {one.value:.3f}"
            for one in scores_of(folder, record).values()
            if one.value is not None
        ]
        marks = [
            f"marked: {mark.name} {mark.value:.3f}"
            for mark in marks_of(folder, record)
            if mark.marked
        ]
        yield replace(row, text="\n".join([row.text, *numbers, *marks]))


def _counts_as_worst(item: Found) -> bool:
    """Whether a board counts a result's motion as the worst: marked, and not of a control."""
    folder, record = item
    if not any(mark.marked for mark in marks_of(folder, record)):
        return False
    method = read_method(folder.parents[3])
    return method is None or method.card.kind != "control"


def _source_row(dataset: Dataset | None, name: str, clip: str, columns: int) -> Row:
    try:
        dataset = dataset or load_dataset(name)
        of_clip = clip_named(dataset, clip)
        video = source_video(dataset, of_clip)
    except (ValueError, LookupError, OSError, ImportError) as error:
        return Row("source", reason=str(error))
    return Row("source", of_clip.prompt, evenly_spaced(video, columns))


def _result_row(method: str, seed: int, found: Found | None, columns: int) -> Row:
    text = f"seed {seed}"
    if found is None:
        return Row(method, text, reason="No result: not run, or not imported.")
    folder, record = found
    if record.failure is not None:
        failure = record.failure
        return Row(
            method, text, reason=f"Failed ({failure.kind}, {failure.stage}): {failure.message}"
        )
    try:
        video = read_video(folder / VIDEO)
    except (ValueError, OSError) as error:
        return Row(method, text, reason=str(error))
    if video.pixels_sha256 != record.pixels_sha256:
        return Row(method, text, reason="The video does not match its record; run it again.")
    seconds = record.transfer_seconds
    took = f"{seconds:.3g} s" if seconds >= 0.01 else "less than 0.01 s"
    how = "imported" if record.imported else f"done in {took}"
    return Row(method, f"{text}, {how}", evenly_spaced(video, columns))


def _pair(item: Found) -> Pair:
    request = item[1].request
    return request.dataset, request.clip, request.edit


def _is_chosen(record: RunRecord, choice: Choice) -> bool:
    request = record.request
    return (
        (not choice.clips or request.clip in choice.clips)
        and (not choice.edits or request.edit in choice.edits)
        and (not choice.seeds or request.seed in choice.seeds)
        and (not choice.methods or request.method in choice.methods)
    )


def _check(what: str, wanted: Collection[str], known: Collection[str]) -> None:
    for name in wanted:
        if name not in known:
            raise LookupError(no_such(what, name, sorted(known)))
