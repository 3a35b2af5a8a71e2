"""Making the videos of one clip: prepare once, transfer for each prompt and seed, write."""

from __future__ import annotations

import time
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from smmbench.atomic import remove_leftovers
from smmbench.dataset import Dataset, clip_form, load_dataset, source_video
from smmbench.environment import (
    describe_environment,
    free_memory,
    peak_memory,
    reset_peak_memory,
)
from smmbench.failures import Stage, failure
from smmbench.method import Method, Source
from smmbench.methods import distribution_of, entry_of, find_method
from smmbench.pairs import Pair
from smmbench.parameters import parameters_from_json
from smmbench.results import (
    PREVIEW,
    VIDEO,
    Request,
    RunRecord,
    method_folder,
    parameters_sha256,
    read_record,
    result_folder,
    write_record,
)
from smmbench.video import Video, VideoError, normal_form, write_lossless, write_preview


@dataclass(frozen=True)
class Job:
    """All that a worker must know to make videos; plain values, so that it can travel.

    Attributes:
        method: A method's name or `path.py:Class`.
        parameters: All parameters, as JSON has them.
        label: The method's name on the board.
        dataset: A dataset's name or the path of its manifest.
        root: The results folder.
        device: Where to compute.
        weights: SHA-256 of weights that earlier results of this label were made with.
    """

    method: str
    parameters: dict[str, Any]
    label: str
    dataset: str
    root: Path
    device: str
    weights: dict[str, str] = field(default_factory=dict)


class Maker:
    """A loaded method that makes the videos of one clip after the other.

    The method is loaded when the first pair needs it. What a user can mend (a missing file, no
    hub) ends the run then; nothing has been made that would be lost.
    """

    def __init__(self, job: Job) -> None:
        self.job = job
        self.dataset: Dataset = load_dataset(job.dataset)
        self.entry = entry_of(job.method)
        self.environment = describe_environment(job.device, distribution_of(job.method))
        self._method: Method[Any, Any] | None = None
        self._weights: dict[str, str] = {}

    def make(self, pairs: Sequence[Pair]) -> Iterator[RunRecord]:
        """Make the videos of pairs of one clip; every pair ends as a record on disk.

        Whatever a method raises becomes the record of a failed pair, and the next one begins.

        Raises:
            ValueError, LookupError, OSError, ImportError: The clip's file or the method's weights
                are not there; the message says what to do.
        """
        clock = time.perf_counter()
        reset_peak_memory(self.job.device)
        stage: Stage = "load"
        try:
            source = self._source(pairs[0])
            method = self._loaded()
            clock, stage = time.perf_counter(), "prepare"  # loading is not part of the cost
            prepared = method.prepare(source)
        except Exception as error:
            if stage == "load" and _user_can_mend(error):
                raise
            seconds = time.perf_counter() - clock
            for pair in pairs:
                yield self._failed(pair, error, stage, prepare_seconds=seconds)
            return
        seconds = time.perf_counter() - clock
        peak = peak_memory(self.job.device)
        for pair in pairs:
            yield self._transfer(method, prepared, pair, seconds, peak)

    def abandon(self, pairs: Sequence[Pair], error: BaseException) -> Iterator[RunRecord]:
        """Record pairs as failed whose worker did not live to do it; what it finished stays."""
        for pair in pairs:
            there = read_record(result_folder(self.job.root, self.request(pair)))
            if there is not None and there.status == "done" and self._is_mine(there):
                yield there
            else:
                yield self._failed(pair, error, "transfer")

    def _is_mine(self, record: RunRecord) -> bool:
        return record.entry == self.entry and record.parameters == self.job.parameters

    def request(self, pair: Pair) -> Request:
        """Place of a pair in the results."""
        manifest = self.dataset.manifest
        return Request(
            method=self.job.label,
            dataset=manifest.name,
            dataset_version=manifest.version,
            clip=pair.clip.name,
            edit=pair.edit.name,
            seed=pair.seed,
        )

    def _loaded(self) -> Method[Any, Any]:
        if self._method is None:
            method = find_method(self.job.method)
            parameters = parameters_from_json(method, self.job.parameters)
            loaded = method(parameters, self.job.device)
            self._weights = loaded.weights()
            self._refuse_other_weights()
            self._method = loaded
        return self._method

    def _refuse_other_weights(self) -> None:
        """Weights are known only once they are loaded, so this check comes late."""
        for name, sha256 in self._weights.items():
            if self.job.weights.get(name, sha256) != sha256:
                raise ValueError(
                    f"The results of '{self.job.label}' in '{self.job.root}' were made with other "
                    f"weights of '{name}'. Use --label NAME for a row of its own, or --overwrite."
                )

    def _source(self, pair: Pair) -> Source:
        clips = self.dataset.manifest.clips
        names = [clip.name for clip in clips]
        following = clips[(names.index(pair.clip.name) + 1) % len(clips)]
        return Source(
            clip=pair.clip.name,
            video=source_video(self.dataset, pair.clip),
            prompt=pair.clip.prompt,
            other=lambda: source_video(self.dataset, following),
        )

    def _transfer(
        self, method: Method[Any, Any], prepared: Any, pair: Pair, prepare_seconds: float, peak: int
    ) -> RunRecord:
        clock = time.perf_counter()
        reset_peak_memory(self.job.device)
        stage: Stage = "transfer"
        try:
            video = method.transfer(prepared, pair.edit.prompt, pair.seed)
            if not isinstance(video, Video):
                raise TypeError(f"transfer() must give a Video, got {type(video).__name__}.")
            seconds = time.perf_counter() - clock
            normal_form(video, clip_form(self.dataset, pair.clip))  # what cannot be scored fails
            stage = "write"
            return self._done(
                pair,
                video,
                prepare_seconds=prepare_seconds,
                transfer_seconds=seconds,
                peak_memory_bytes=max(peak, peak_memory(self.job.device)),
            )
        except Exception as error:
            return self._failed(
                pair,
                error,
                stage,
                prepare_seconds=prepare_seconds,
                transfer_seconds=time.perf_counter() - clock,
            )

    def _done(self, pair: Pair, video: Video, **measured: Any) -> RunRecord:
        """Write video, preview and, when both are whole, the record that says so."""
        folder = self._cleared(pair)
        write_lossless(folder / VIDEO, video)
        write_preview(folder / PREVIEW, video)
        record = self._record(pair, status="done", pixels_sha256=video.pixels_sha256, **measured)
        write_record(folder, record)
        return record

    def _failed(self, pair: Pair, error: BaseException, stage: Stage, **measured: Any) -> RunRecord:
        """Write the record of a pair that has no video, and its traceback into the log."""
        record = self._record(
            pair,
            status="failed",
            failure=failure(error, stage),
            peak_memory_bytes=peak_memory(self.job.device),
            **measured,
        )
        self._log(pair, error)
        write_record(self._cleared(pair), record)
        traceback.clear_frames(error.__traceback__)  # they hold the tensors of what failed
        free_memory(self.job.device)
        return record

    def _cleared(self, pair: Pair) -> Path:
        """The pair's folder without what an earlier run left; its record goes first."""
        folder = result_folder(self.job.root, self.request(pair))
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("record.json", "scores.json", VIDEO, PREVIEW):
            (folder / name).unlink(missing_ok=True)
        remove_leftovers(folder)
        return folder

    def _record(self, pair: Pair, **outcome: Any) -> RunRecord:
        return RunRecord(
            request=self.request(pair),
            source_sha256=pair.clip.pixels_sha256,
            prompt=pair.edit.prompt,
            entry=self.entry,
            parameters=self.job.parameters,
            parameters_sha256=parameters_sha256(self.entry, self.job.parameters, self._weights),
            weights=self._weights,
            environment=self.environment,
            **outcome,
        )

    def _log(self, pair: Pair, error: BaseException) -> None:
        folder = method_folder(self.job.root, self.job.label)
        folder.mkdir(parents=True, exist_ok=True)
        text = "".join(traceback.format_exception(error))
        with (folder / "run.log").open("a", encoding="utf-8") as log:
            log.write(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}Z {pair}\n{text}\n")


def _user_can_mend(error: Exception) -> bool:
    """Whether the message tells a user what to do, so that the run should end with it."""
    if isinstance(error, (KeyError, IndexError, VideoError)):
        return False  # inner mistakes of a method; one clip that does not decode
    return isinstance(error, (ValueError, LookupError, OSError, ImportError))
