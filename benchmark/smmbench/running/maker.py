"""Generation: prepare each clip once, then transfer each prompt and seed, alone or in batches."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

from smmbench.dataset import (
    clip_form,
    load_dataset,
    reference_clip,
    reference_video,
    source_video,
)
from smmbench.environment import compute_deterministically, use_tensor_cores
from smmbench.errors import ToldToEndError, fault_of
from smmbench.method import Method, Source
from smmbench.results import RunRecord
from smmbench.running.batches import Batches, Outcome
from smmbench.running.failures import Stage
from smmbench.running.heartbeat import Heartbeat, beating
from smmbench.running.job import Job
from smmbench.running.method_file import write_method_file
from smmbench.running.pairs import Pair, in_batches
from smmbench.running.recorder import Given, Recorder
from smmbench.running.resume import refuse_other_weights
from smmbench.video import Video, normal_form

WRITERS = 4
"""Threads that encode, hash and write videos while the next batch is generated."""


class Maker:
    """A loaded method that generates the videos of one clip after the other.

    The method is loaded when the first pair needs it. An error that a user can fix (a missing file,
    no hub) ends the run then, before anything has been generated that could be lost.

    While it generates videos it keeps a heartbeat, which stops processes with other settings; as a
    context it keeps one heartbeat for several calls.
    """

    def __init__(self, job: Job) -> None:
        self.job = job
        self.dataset = load_dataset(job.dataset)
        if job.deterministic:
            compute_deterministically()
        use_tensor_cores(job.device)  # before the recorder describes the environment
        self.recorder = Recorder(job, self.dataset.manifest)
        self._method: Method[Any, Any] | None = None
        self._heart: Heartbeat | None = None
        self._open = ExitStack()
        self._preparing = Batches("prepare", 1, job.device)
        self._transferring = Batches("transfer", 1, job.device)
        self.in_batches_of(job.batch)

    def __enter__(self) -> Maker:
        self._open.enter_context(self._at_work())
        return self

    def __exit__(self, *error: object) -> None:
        self._open.close()

    def make(self, pairs: Sequence[Pair]) -> Iterator[RunRecord]:
        """Generate the videos of pairs; every pair results in a record on disk.

        Any exception of a method becomes the record of a failed pair, and the next one begins. A
        single pair is written before the next begins; a batch while the next one is generated.
        Clips stay prepared while the current batch needs them.

        Args:
            pairs: The pairs; those of one clip are adjacent, to share its preparation.

        Raises:
            ValueError, LookupError, OSError, ImportError: A clip's file or the method's weights
                are missing; the message says what to do.
        """
        size = max(self._preparing.size, self._transferring.size)
        behind = size if size > 1 else 0
        clips: dict[str, Outcome[Any]] = {}
        writing: deque[Future[RunRecord]] = deque()
        with self._at_work() as heart, ThreadPoolExecutor(WRITERS) as writers:
            for batch in in_batches(pairs, size):
                heart.working_on(batch)
                names = {pair.clip.name for pair in batch}
                clips = {name: clip for name, clip in clips.items() if name in names}
                clips |= self._prepare([pair for pair in batch if pair.clip.name not in clips])
                for pair, made in self._transfer(batch, clips):
                    clip = replace(clips[pair.clip.name], value=None)  # may be freed before
                    writing.append(writers.submit(self._write, pair, clip, made))
                    while len(writing) > behind:
                        yield writing.popleft().result()
            for one in writing:
                yield one.result()

    def in_batches_of(self, pairs: int) -> None:
        """Generate this many pairs at once from here on, with the clips that they need.

        It replaces the run's number, and one that was smaller because memory had run out.
        """
        self._preparing.size = pairs if self._batched("prepare_batch") else 1
        self._transferring.size = pairs if self._batched("transfer_batch") else 1

    @contextmanager
    def _at_work(self) -> Iterator[Heartbeat]:
        """Maintain the heartbeat of this process; an existing one is reused."""
        if self._heart is not None:
            yield self._heart
            return
        device = self.recorder.environment.device
        with beating(self.job, self.dataset.manifest, device) as self._heart:
            try:
                self._refuse_other_ways(self._heart)
                yield self._heart
            finally:
                self._heart = None

    def _batched(self, door: str) -> bool:
        """Whether the method has its own implementation for batches."""
        return getattr(self.job.method.implementation, door) is not getattr(Method, door)

    def _loaded(self) -> Method[Any, Any]:
        if self._method is None:
            loaded = self.job.method.implementation(self.job.parameters, self.job.device)
            self.recorder.weights = loaded.weights()
            self.recorder.backbone = loaded.backbone_use()
            self._method = loaded
            if self._heart is not None:
                self._refuse_other_ways(self._heart)  # weights are known only now
            write_method_file(self.job, self.dataset.manifest.name)
        return self._method

    def _refuse_other_ways(self, heart: Heartbeat) -> None:
        """Reject a row that another process generates, or has generated, with other settings.

        A running process has a heartbeat, and an ended one has left records, so that one of the two
        exists whenever both have generated something.
        """
        heart.claim(None if self._method is None else self.recorder.weights)
        refuse_other_weights(self.job, self.dataset, self.recorder.weights)

    def _source(self, pair: Pair) -> Source:
        """The method's input for a pair: the clip, or the other reference of this run."""
        reference = self.job.reference
        given = reference_clip(self.dataset, pair.clip, reference)
        clips = self.dataset.manifest.clips
        names = [clip.name for clip in clips]
        following = clips[(names.index(given.name) + 1) % len(clips)]
        video = reference_video(self.dataset, pair.clip, reference)
        self.recorder.given[pair.clip.name] = Given(
            video.pixels_sha256, "" if given == pair.clip else given.name
        )
        return Source(
            clip=given.name,
            video=video,
            prompt=given.prompt,
            other=lambda: source_video(self.dataset, following),
        )

    def _prepare(self, pairs: Sequence[Pair]) -> dict[str, Outcome[Any]]:
        """The outcomes of preparing the clips of these pairs, by name."""
        clips: dict[str, Outcome[Any]] = {}
        sources: dict[str, Source] = {}
        for pair in {pair.clip.name: pair for pair in pairs}.values():
            try:
                sources[pair.clip.name] = self._source(pair)
                self._loaded()  # loading is not part of the cost
            except (Exception, SystemExit) as error:
                if fault_of(error) != "method" or isinstance(error, ToldToEndError):
                    raise
                clips[pair.clip.name] = Outcome(None, error, "load")
        able = {name: source for name, source in sources.items() if name not in clips}
        given = list(able.values())
        prepared = self._preparing.run(lambda some: _prepare(self._loaded(), some), given)
        if able:  # what was padded is known once clips are prepared
            self.recorder.backbone = self._loaded().backbone_use()
        return clips | dict(zip(able, prepared, strict=True))

    def _transfer(
        self, pairs: Sequence[Pair], clips: dict[str, Outcome[Any]]
    ) -> Iterator[tuple[Pair, Outcome[Video]]]:
        """The outcome of each pair; if preparing a clip failed, its pairs fail likewise."""

        def transfer(some: Sequence[Pair]) -> Sequence[Video]:
            prepared = [clips[pair.clip.name].value for pair in some]
            return _transfer(self._loaded(), prepared, some)

        able: list[Pair] = []
        for pair in pairs:
            clip = clips[pair.clip.name]
            if clip.error is None:
                able.append(pair)
            else:
                yield pair, Outcome(None, clip.error, clip.stage, peak=clip.peak)
        for pair, made in zip(able, self._transferring.run(transfer, able), strict=True):
            self.recorder.backbone = self._loaded().backbone_use()  # memory may have run out
            yield pair, made

    def _write(self, pair: Pair, clip: Outcome[Any], made: Outcome[Video]) -> RunRecord:
        """Write the outcome of a pair."""
        stage: Stage = made.stage
        cost: dict[str, Any] = {
            "prepare_seconds": clip.seconds,
            "transfer_seconds": made.seconds,
            "cached_seconds": clip.kept + made.kept,
            "peak_memory_bytes": max(clip.peak, made.peak),
            "batch": made.batch,
            "series": {**clip.series, **made.series},
        }
        if made.error is not None:
            if fault_of(made.error) == "machine":
                raise made.error
            return self.recorder.failed(pair, made.error, stage, **cost)
        assert made.value is not None
        try:
            normal_form(made.value, clip_form(self.dataset, pair.clip))  # else it cannot be scored
            stage = "write"
            return self.recorder.done(pair, made.value, **cost)
        except Exception as error:
            removed = stage == "write" and isinstance(error, FileNotFoundError)
            if removed or fault_of(error, self.job.root) == "machine":
                raise  # every later pair would fail in the same way, or results are being removed
            return self.recorder.failed(pair, error, stage, **cost)


def _prepare(method: Method[Any, Any], sources: Sequence[Source]) -> Sequence[Any]:
    """Prepare with the method's function for one clip, or for a batch."""
    return [method.prepare(*sources)] if len(sources) == 1 else method.prepare_batch(sources)


def _transfer(
    method: Method[Any, Any], prepared: Sequence[Any], pairs: Sequence[Pair]
) -> Sequence[Video]:
    """Transfer with the method's function for one pair, or for a batch."""
    prompts, seeds = [pair.edit.prompt for pair in pairs], [pair.seed for pair in pairs]
    made: Sequence[Any] = (
        [method.transfer(prepared[0], prompts[0], seeds[0])]
        if len(pairs) == 1
        else method.transfer_batch(prepared, prompts, seeds)
    )
    for video in made:
        if not isinstance(video, Video):
            raise TypeError(f"transfer() must return a Video, got {type(video).__name__}.")
    return made
