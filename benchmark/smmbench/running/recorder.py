"""Writing the outcome of a pair: its video and then its record, or its failure."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Any

from smmbench.dataset import Manifest
from smmbench.errors import BrokenFileError
from smmbench.method import BackboneUse
from smmbench.results import (
    PREVIEW,
    VIDEO,
    Request,
    RunRecord,
    method_folder,
    parameters_sha256,
    read_record,
    result_folder,
    stored_video,
    write_record,
)
from smmbench.results.scored_tracks import TRACKS
from smmbench.running.description import describe_environment
from smmbench.running.failures import Stage, failure
from smmbench.running.job import Job
from smmbench.running.pairs import Pair
from smmbench.storage.atomic import held, remove_leftovers
from smmbench.video import Video, write_lossless, write_preview

LOG = "command.log"  # what the commands of official code printed, beside the record


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
        weights: SHA-256 of the method's weights, once it is loaded.
        backbone: The video model that the method works on, once it is loaded.
        given: The method's input for a clip, by the clip's name, once it was read.
    """

    def __init__(self, job: Job, manifest: Manifest) -> None:
        self.job = job
        self.manifest = manifest
        self.entry = job.method.entry
        self.environment = describe_environment(job.device, job.method.distribution, job.executor)
        self.checkpoints = job.method.implementation.checkpoints
        self.parameters = job.recorded_parameters
        self.weights: dict[str, str] = {}
        self.backbone: BackboneUse | None = None
        self.given: dict[str, Given] = {}
        self._log = Lock()

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
        with held(folder):  # else a record could stand beside the video of another run
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
        folder = method_folder(self.job.root, self.job.label)
        text = "".join(traceback.format_exception(error))
        with self._log, (folder / "run.log").open("a", encoding="utf-8") as log:
            log.write(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}Z {pair}\n{text}\n")
        return record

    def finished(self, pair: Pair) -> RunRecord | None:
        """The record of a pair that this job has completed already; None if it has not."""
        try:
            record = read_record(result_folder(self.job.root, self.request(pair)))
        except BrokenFileError:
            return None
        if record is None or record.status == "failed":
            return None
        same = record.entry == self.entry and record.parameters == self.parameters
        return record if same else None

    def _clear(self, folder: Path) -> None:
        """Remove the files of an earlier run of a pair, the record first."""
        for name in ("record.json", "scores.json", TRACKS, VIDEO, PREVIEW, LOG):
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
