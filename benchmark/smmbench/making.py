"""Making the videos of one clip: prepare once, transfer for each prompt and seed."""

from __future__ import annotations

import time
import traceback
from collections.abc import Iterator, Sequence
from typing import Any

from smmbench.dataset import clip_form, load_dataset, source_video
from smmbench.environment import free_memory, peak_memory, reset_peak_memory
from smmbench.failures import Stage
from smmbench.job import Job
from smmbench.method import Method, Source
from smmbench.methods import find_method
from smmbench.pairs import Pair
from smmbench.parameters import parameters_from_json
from smmbench.recording import Recorder
from smmbench.results import RunRecord
from smmbench.video import Video, VideoError, normal_form


class Maker:
    """A loaded method that makes the videos of one clip after the other.

    The method is loaded when the first pair needs it. What a user can mend (a missing file, no
    hub) ends the run then; nothing has been made that would be lost.
    """

    def __init__(self, job: Job) -> None:
        self.job = job
        self.dataset = load_dataset(job.dataset)
        self.recorder = Recorder(job, self.dataset.manifest)
        self._method: Method[Any, Any] | None = None

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
            yield self.recorder.finished(pair) or self.recorder.failed(pair, error, "transfer")

    def _loaded(self) -> Method[Any, Any]:
        if self._method is None:
            method = find_method(self.job.method)
            parameters = parameters_from_json(method, self.job.parameters)
            loaded = method(parameters, self.job.device)
            self.recorder.weights = loaded.weights()
            self._refuse_other_weights()
            self._method = loaded
        return self._method

    def _refuse_other_weights(self) -> None:
        """Weights are known only once they are loaded, so this check comes late."""
        for name, sha256 in self.recorder.weights.items():
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
            return self.recorder.done(
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

    def _failed(self, pair: Pair, error: Exception, stage: Stage, **seconds: float) -> RunRecord:
        peak = peak_memory(self.job.device)
        record = self.recorder.failed(pair, error, stage, peak_memory_bytes=peak, **seconds)
        traceback.clear_frames(error.__traceback__)  # they hold the tensors of what failed
        free_memory(self.job.device)
        return record


def _user_can_mend(error: Exception) -> bool:
    """Whether the message tells a user what to do, so that the run should end with it."""
    if isinstance(error, (KeyError, IndexError, VideoError)):
        return False  # inner mistakes of a method; one clip that does not decode
    return isinstance(error, (ValueError, LookupError, OSError, ImportError))
