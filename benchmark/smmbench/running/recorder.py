"""Write the outcome of a pair: its video and then its record, or its failure."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any

from smmbench.cluster.parcels import Parcel
from smmbench.dataset import Manifest
from smmbench.errors import MachineError
from smmbench.method import BackboneUse
from smmbench.results import (
    PREVIEW,
    VIDEO,
    Environment,
    Request,
    RunRecord,
    method_folder,
    parameters_sha256,
    result_folder,
    stored_video,
    write_record,
)
from smmbench.results.files import RECORD, SCORES, parse
from smmbench.results.scored_tracks import TRACKS
from smmbench.running.description import describe_environment
from smmbench.running.failures import Stage, failure
from smmbench.running.job import Job
from smmbench.running.pairs import Pair
from smmbench.storage.atomic import held, remove_leftovers
from smmbench.video import Video, write_lossless, write_preview

LOG = "command.log"  # output of official code's commands, next to the record
LOG_OF_FAILURES = "run.log"  # tracebacks, next to the method


@dataclass(frozen=True)
class Given:
    """The input from which a method takes the motion.

    Attributes:
        sha256: SHA-256 of its pixels; empty if it was not read.
        clip: Its name, if it is not the pair's own clip.
    """

    sha256: str = ""
    clip: str = ""


class Recorder:
    """Writes the results of one job; several threads may use it for different pairs.

    Attributes:
        environment: The machine that generates the videos; this one by default.
        weights: SHA-256 of the method's weights, once it is loaded.
        backbone: The video model of the method, once it is loaded.
        given: The method's input for a clip, by the clip's name, once it has been read.
    """

    def __init__(self, job: Job, manifest: Manifest) -> None:
        self.job = job
        self.manifest = manifest
        self.entry = job.method.entry
        self.checkpoints = job.method.implementation.checkpoints
        self.parameters = job.recorded_parameters
        self.weights: dict[str, str] = {}
        self.backbone: BackboneUse | None = None
        self.given: dict[str, Given] = {}
        self._log = Lock()

    @cached_property
    def environment(self) -> Environment:
        """The machine that generates the videos."""
        job = self.job
        return describe_environment(job.device, job.method.distribution, job.executor)

    def request(self, pair: Pair) -> Request:
        """Folder of a pair in the results."""
        return Request(
            method=self.job.label,
            dataset=self.manifest.name,
            dataset_version=self.manifest.version,
            clip=pair.clip.name,
            edit=pair.edit.name,
            seed=pair.seed,
            reference=self.job.reference,
        )

    def done(self, pair: Pair, video: Video, **cost: Any) -> RunRecord:
        """Write video, preview and, once both are complete, the record."""
        record = self._record(
            pair,
            status="done",
            pixels_sha256=video.pixels_sha256,
            video=stored_video(video),
            notes=video.notes,
            **cost,
        )
        folder = result_folder(self.job.root, self.request(pair))
        with held(folder):  # otherwise a record could be next to the video of another run
            self._clear(folder)
            write_lossless(folder / VIDEO, video)
            write_preview(folder / PREVIEW, video)
            _keep_log(folder, video)
            write_record(folder, record)
        return record

    def failed(self, pair: Pair, error: BaseException, stage: Stage, **cost: Any) -> RunRecord:
        """Write the record of a pair without a video, and append the traceback to the log."""
        record = self._record(pair, status="failed", failure=failure(error, stage), **cost)
        place = result_folder(self.job.root, self.request(pair))
        with held(place):
            self._clear(place)
            _keep_log(place, error)
            write_record(place, record)
        text = "".join(traceback.format_exception(error))
        self.note(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}Z {pair}\n{text}\n")
        return record

    def take(self, record: RunRecord, parcel: Parcel) -> None:
        """Put in place what another machine generated for a pair: its files, then its record.

        Raises:
            MachineError: A file was damaged in transfer; existing files are kept.
        """
        parcel.refuse_damage()
        last = parse(parcel.files[RECORD], RunRecord, RECORD)
        if last != record or (record.status == "done") != (VIDEO in parcel.files):
            raise MachineError(f"The files of {record.request} are not those of its record.")
        folder = result_folder(self.job.root, record.request)
        with held(folder):
            self._clear(folder)
            parcel.put(folder)

    def note(self, text: str) -> None:
        """Append to the log of the method's failures."""
        folder = method_folder(self.job.root, self.job.label)
        with self._log, (folder / LOG_OF_FAILURES).open("a", encoding="utf-8") as log:
            log.write(text)

    def _clear(self, folder: Path) -> None:
        """Remove the files of an earlier run of a pair, the record first."""
        for name in (RECORD, SCORES, TRACKS, VIDEO, PREVIEW, LOG):
            (folder / name).unlink(missing_ok=True)
        remove_leftovers(folder)

    def _record(self, pair: Pair, **outcome: Any) -> RunRecord:
        own = Given(pair.clip.pixels_sha256 if self.job.reference == "forward" else "")
        given = self.given.get(pair.clip.name, own)
        return RunRecord(
            request=self.request(pair),
            source_sha256=pair.clip.pixels_sha256,
            reference_sha256=given.sha256,
            reference_clip=given.clip,
            prompt=pair.edit.prompt,
            entry=self.entry,
            parameters=self.parameters,
            parameters_sha256=parameters_sha256(
                self.entry, self.parameters, self.weights, self.checkpoints
            ),
            checkpoints=self.checkpoints,
            weights=self.weights,
            backbone=self.backbone,
            environment=self.environment,
            **outcome,
        )


def _keep_log(folder: Path, came: object) -> None:
    """Save the output of commands, if the video or the error contains it."""
    log = getattr(came, "log", None)
    if isinstance(log, bytes) and log:
        (folder / LOG).write_bytes(log)
