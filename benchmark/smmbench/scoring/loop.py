"""The scoring loop: score the videos of a results folder; no method is run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from smmbench.dataset import (
    Clip,
    Dataset,
    another_prompt,
    clip_form,
    clip_named,
    load_dataset,
    reference_video,
)
from smmbench.errors import BrokenFileError, fault_of, in_words
from smmbench.metrics import Task, metric, metric_names
from smmbench.metrics.reference_fidelity import ReferenceFidelity
from smmbench.results import (
    VIDEO,
    Mark,
    RunRecord,
    Score,
    ScoreFile,
    VideoFile,
    find_records,
    method_folder_of,
    read_method,
    read_scores,
    scores_of,
    write_scores,
)
from smmbench.results.files import SCORES
from smmbench.results.limiting import first_pairs
from smmbench.results.scored_tracks import TRACKS, write_tracks
from smmbench.results.sharding import results_of_shard
from smmbench.scoring.counting import Key, protocol_pairs
from smmbench.scoring.intact import video_file
from smmbench.scoring.marking import SourceGlance, marks_of_task
from smmbench.scoring.options import Options
from smmbench.scoring.scorer import Scorer
from smmbench.storage.atomic import held
from smmbench.video import VideoError, normal_form, read_video


@dataclass(frozen=True)
class Outcome:
    """The outcome of one result.

    Attributes:
        folder: Its folder.
        record: The record of its run.
        scores: All scores in `scores.json`; empty for a failed run or a rejected video.
        marks: All measured marks, whether they apply or not; empty if there are no scores.
        error: Why the video was rejected; empty if it was not.
        control: Whether the method is a control, which marks do not affect.
        asked: Whether the dataset's protocol requires this pair; otherwise it is in no mean.
    """

    folder: Path
    record: RunRecord
    scores: tuple[Score, ...] = ()
    marks: tuple[Mark, ...] = ()
    error: str = ""
    control: bool = False
    asked: bool = True

    @property
    def marks_that_hold(self) -> tuple[str, ...]:
        """Names of the rules that mark the video."""
        return tuple(mark.name for mark in self.marks if mark.marked)

    def missing(self, metrics: Sequence[str]) -> dict[str, str]:
        """Metrics that have no number although there is a video, with the reasons."""
        return {
            score.metric: score.note
            for score in self.scores
            if score.metric in metrics and score.value is None
        }

    def line(self, metrics: Sequence[str]) -> str:
        """The outcome in one line."""
        request = self.record.request
        given = "" if request.reference == "forward" else f" ({request.reference})"
        pair = f"{request.method} {request.clip}/{request.edit} seed {request.seed}{given}"
        if self.record.status == "failed":
            return f"{pair}: no video, the run failed"
        if self.error:
            return f"{pair}: rejected. {self.error}"
        numbers = (
            f"{score.metric} {'-' if score.value is None else f'{score.value:.3f}'}"
            for score in self.scores
            if score.metric in metrics
        )
        holding = ", ".join(self.marks_that_hold)
        return f"{pair}: {', '.join(numbers)}{f'; marked ({holding})' if holding else ''}"


class ScoreLoop:
    """Scores results of any dataset; the models of a dataset are loaded once.

    Args:
        options: How to score.
        datasets: Datasets that are not installed; all others are found by their names.
    """

    def __init__(self, options: Options, datasets: Iterable[Dataset] = ()) -> None:
        self.options = options
        self._datasets = {dataset.manifest.name: dataset for dataset in datasets}
        self._scorers: dict[str, Scorer] = {}
        self._protocols: dict[str, frozenset[Key]] = {}
        self._glance = SourceGlance()

    def run(self, results: Sequence[tuple[Path, RunRecord]]) -> Iterator[Outcome]:
        """Score each result and write its `scores.json`, one after the other.

        Existing scores are reused unless something on which the number depends has changed. A
        failed run gets no scores, and if a video is not the one that its record describes, the
        scores of the former video are removed.

        Args:
            results: Folders and their records, as returned by `find_records`.

        Raises:
            LookupError: There is no such tracker or text model.
            OSError: The machine cannot continue; no video is rejected because of it.
        """
        for folder, record in results:
            request, failed = record.request, record.status == "failed"
            if failed:
                _forget(folder)
            try:
                dataset = self._dataset(request.dataset)
            except (ValueError, LookupError) as error:
                yield Outcome(folder, record, error="" if failed else str(error))
                continue
            asked = (request.clip, request.edit, request.seed) in self._asked(dataset)
            if failed:
                yield Outcome(folder, record, asked=asked)
                continue
            scorer = self._scorer(dataset)
            try:
                scores, marks = _score(folder, record, dataset, scorer, self._glance)
                control = _is_control(folder)
                yield Outcome(folder, record, scores, marks, control=control, asked=asked)
            except (ValueError, LookupError, OSError) as error:
                if fault_of(error, folder) == "machine":
                    raise
                yield Outcome(folder, record, error=in_words(error), asked=asked)

    def _dataset(self, name: str) -> Dataset:
        if name not in self._datasets:
            self._datasets[name] = load_dataset(name)
        return self._datasets[name]

    def _asked(self, dataset: Dataset) -> frozenset[Key]:
        name = dataset.manifest.name
        if name not in self._protocols:
            self._protocols[name] = frozenset(protocol_pairs(dataset))
        return self._protocols[name]

    def _scorer(self, dataset: Dataset) -> Scorer:
        name = dataset.manifest.name
        if name not in self._scorers:
            self._scorers[name] = Scorer(dataset, self.options)
        return self._scorers[name]


def chosen_metrics(names: str) -> tuple[str, ...]:
    """Parse a comma-separated list of metrics, each once.

    Raises:
        LookupError: There is no such metric.
    """
    return tuple(dict.fromkeys(metric(name.strip()).name for name in names.split(",")))


def metrics_for(results: Iterable[tuple[Path, RunRecord]]) -> tuple[str, ...]:
    """The default metrics.

    If some videos were generated from another motion than the clip's own, all are compared with
    every motion that could have been given.
    """
    referred = any(record.request.reference != "forward" for _, record in results)
    return (*metric_names(), *((ReferenceFidelity.name,) if referred else ()))


def results_below(
    folder: Path,
    dataset: str | None = None,
    limit: int | None = None,
    unreadable: Callable[[Path, ValueError], None] | None = None,
) -> list[tuple[Path, RunRecord]]:
    """Results below a folder.

    Args:
        folder: The results folder, or a folder in it.
        dataset: Only results of this dataset.
        limit: For each method and dataset, the maximum number of pairs with a video, taken
            round-robin over the clips.
        unreadable: Called with each folder whose record cannot be read; None to raise the error.

    Raises:
        ValueError: There are no results, or a record cannot be read.
    """
    results = [
        (place, record)
        for place, record in find_records(folder, unreadable)
        if dataset in (None, record.request.dataset)
    ]
    if not results:
        of = f" of dataset '{dataset}'" if dataset else ""
        raise ValueError(
            f"No results{of} in '{folder}'. Generate some with `smmbench run --method NAME`."
        )
    if limit is None:
        return results
    return first_pairs([result for result in results if result[1].status == "done"], limit)


def share_of(
    results: Sequence[tuple[Path, RunRecord]], share: str, only: Dataset | None = None
) -> list[tuple[Path, RunRecord]]:
    """Keep the results of one share of the clips; see `results_of_shard`.

    Args:
        results: Folders and their records.
        share: `2/4` for the second of four.
        only: A dataset that is not installed; others are found by their names.
    """
    known = {only.manifest.name: only} if only else {}
    for name in {record.request.dataset for _, record in results} - {*known}:
        with suppress(ValueError, LookupError):  # scoring says what is wrong with each result
            known[name] = load_dataset(name)
    clips = {
        name: [clip.name for clip in dataset.manifest.clips] for name, dataset in known.items()
    }
    return results_of_shard(results, share, clips)


def state(folder: Path, record: RunRecord, name: str) -> str:
    """The state of one metric before scoring: `failed run`, `no score`, or its existing score.

    An existing score is computed again if something on which it depends has changed, which is
    known only when the models are loaded.
    """
    if record.status == "failed":
        return "failed run"
    kept = scores_of(folder, record).get(name)
    if kept is None or kept.value is None or kept.version != metric(name).version:
        return "no score"
    return f"{kept.value:.3f}"


def _score(
    folder: Path, record: RunRecord, dataset: Dataset, scorer: Scorer, glance: SourceGlance
) -> tuple[tuple[Score, ...], tuple[Mark, ...]]:
    """Score one video, measure its marks, and write what changed."""
    before = _video_before(folder)  # the video is read after this: another one is noticed later
    task = task_of(folder, record, dataset)
    earlier = _kept(folder, record)
    kept = {score.metric: score for score in earlier.scores}
    given = partial(reference_video, dataset, task.clip, task.reference)
    marks = marks_of_task(task, partial(glance.of, task, given), earlier.marks)
    computed = {
        wanted.name: scorer.compute(wanted, task, kept.get(wanted.name))
        for wanted in scorer.metrics
    }
    # A metric that cannot be computed here does not replace an existing number.
    lost = {name for name in scorer.unavailable if name in kept and kept[name].value is not None}
    found = {name: one.score for name, one in computed.items()}
    new = {name: score for name, score in found.items() if name not in lost}
    tracked = next((one for one in computed.values() if one.tracks is not None), None)
    with held(folder):
        file = _kept(folder, record)  # another process may have scored other metrics meanwhile
        now = {score.metric: score for score in file.scores}
        written = now | new
        if written != now or marks != file.marks or file.video_file != before:
            tracks = file.tracks
            if tracked is not None and tracked.tracks is not None:
                tracks = write_tracks(folder, tracked.tracks, tracked.score.key)
            changes = {"scores": tuple(written.values()), "tracks": tracks, "video_file": before}
            write_scores(folder, file.model_copy(update=changes | {"marks": marks}))
    return tuple((written | found).values()), marks


def _kept(folder: Path, record: RunRecord) -> ScoreFile:
    """Existing scores of exactly this video; none if the file is unreadable or of another video."""
    try:
        file = read_scores(folder)
    except BrokenFileError:
        file = None
    if file is not None and file.pixels_sha256 == record.pixels_sha256:
        return file
    return ScoreFile(request=record.request, pixels_sha256=record.pixels_sha256, scores=())


def _is_control(folder: Path) -> bool:
    """Whether the method's card says that it is a control; False without a readable card."""
    try:
        method = read_method(method_folder_of(folder))
    except ValueError:
        return False
    return method is not None and method.card.kind == "control"


def _forget(folder: Path) -> None:
    """Remove the scores of a video that no longer exists."""
    for name in (SCORES, TRACKS):
        (folder / name).unlink(missing_ok=True)


def _video_before(folder: Path) -> VideoFile | None:
    """The file to be scored; None if there is none, which `task_of` rejects."""
    try:
        return video_file(folder / VIDEO)
    except OSError:
        return None


def task_of(folder: Path, record: RunRecord, dataset: Dataset) -> Task:
    """Read the video of a result for scoring, after checking that it matches its record.

    Raises:
        ValueError: It does not, or it is of another dataset version, clip, prompt or reference.
        LookupError: The dataset has no such clip.
    """
    manifest, request = dataset.manifest, record.request
    if request.dataset_version != manifest.version:
        raise ValueError(
            f"Made for version {request.dataset_version} of '{manifest.name}', but here is "
            f"version {manifest.version}. Run it again."
        )
    clip = clip_named(dataset, request.clip)
    if record.source_sha256 != clip.pixels_sha256:
        raise ValueError(
            f"Made from other pixels (SHA-256 {record.source_sha256}) than clip '{clip.name}' of "
            f"'{manifest.name}' has ({clip.pixels_sha256}). Run it again."
        )
    if other := another_prompt(clip, request.edit, record.prompt):
        raise ValueError(f"Made {other} Run it again.")
    _refuse_another_reference(record, dataset, clip)
    try:
        video = read_video(folder / VIDEO)
    except VideoError as error:
        _forget(folder)  # scores of a video that is no more
        raise ValueError(f"{error} {_anew(folder)}") from error
    if video.pixels_sha256 != record.pixels_sha256:
        _forget(folder)
        raise ValueError(
            f"'{folder / VIDEO}' has other pixels (SHA-256 {video.pixels_sha256}) than its record "
            f"says ({record.pixels_sha256}): one of them was changed. {_anew(folder)}"
        )
    output = normal_form(video, clip_form(dataset, clip))
    return Task(clip, record.prompt, output, output.pixels_sha256, request.reference)


def _refuse_another_reference(record: RunRecord, dataset: Dataset, clip: Clip) -> None:
    """Reject a video whose method was given other pixels than a run would give it today."""
    reference, given = record.request.reference, record.reference_sha256
    if reference == "forward" or not given:
        return
    known = reference_video(dataset, clip, reference).pixels_sha256
    if given != known:
        raise ValueError(
            f"Made from another reference '{reference}' (SHA-256 {given}) than clip '{clip.name}' "
            f"of '{dataset.manifest.name}' has now ({known}). Run it again."
        )


def _anew(folder: Path) -> str:
    return f"To regenerate it, delete '{folder}' and run (or import) it again."
