"""Import videos that were made elsewhere into the results folder, as if they had been run here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from smmbench.dataset import Clip, Dataset, clip_form
from smmbench.dataset.manifest import NAME_PATTERN
from smmbench.errors import fault_of, in_words
from smmbench.importing.frame_rule import FrameRule, fit_frames
from smmbench.importing.output_files import Batch, PairName
from smmbench.results import (
    PREVIEW,
    VIDEO,
    Failure,
    Imported,
    MethodFile,
    Request,
    RunRecord,
    method_folder,
    parameters_sha256,
    read_method,
    read_record,
    result_folder,
    stored_video,
    write_method,
    write_record,
)
from smmbench.results.files import RECORD
from smmbench.running.description import describe_environment
from smmbench.running.pairs import Pair, choose_pairs
from smmbench.storage.atomic import held
from smmbench.storage.home import content_sha256
from smmbench.video import (
    NormalForm,
    Video,
    VideoError,
    read_video,
    write_lossless,
    write_preview,
)

ENTRY = "imported"  # in the place of a method's class


@dataclass(frozen=True)
class Taking:
    """How frames of files are mapped to frames of clips.

    Attributes:
        frames: The rule, as in `fit_frames`; None decides by the number of frames.
        fps: Frame rate of every file, overriding the file's own; None uses the file's.
    """

    frames: FrameRule | None = None
    fps: float | None = None

    def take(self, file: Path, form: NormalForm) -> tuple[Video, Video, FrameRule]:
        """Read a file; return it as read and in the normal form, with the conversions."""
        read = read_video(file, fps=(self.fps or form.fps) if file.is_dir() else None)
        if self.fps is not None and (read.fps != self.fps or read.instants):
            note = f"{read.fps:g} frames a second said to be {self.fps:g}"
            read = replace(read, fps=self.fps, notes=(*read.notes, note), instants=())
        return read, *fit_frames(read, form, self.frames)


@dataclass(frozen=True)
class Outcome:
    """Outcome of importing one pair.

    Attributes:
        method: Label on the board.
        pair: Names of the clip and the edit.
        state: `imported` now, `here` if already imported, `failed`, `missing` among the files, or
            `planned` in a dry run.
        message: Why it failed, what was converted, or which file is planned; else empty.
    """

    method: str
    pair: PairName
    state: Literal["imported", "here", "failed", "missing", "planned"]
    message: str = ""


def import_outputs(
    root: Path,
    dataset: Dataset,
    batch: Batch,
    *,
    seed: int | None = None,
    limit: int | None = None,
    dry_run: bool = False,
    taking: Taking | None = None,
) -> Iterator[Outcome]:
    """Import one method's outputs into the results folder `root`, one after the other.

    A video is converted to the clip's normal form and stored losslessly; conversions are noted in
    its record. A file that cannot be read becomes a failed record, and the import continues. The
    same file again is skipped; a different file replaces the earlier one.

    Args:
        root: The results folder.
        dataset: Dataset of the pairs; its source clips are not needed.
        batch: The outputs. Every pair of the dataset that it lacks is reported as missing.
        seed: A seed of the protocol, by default the first.
        limit: Maximum number of the dataset's pairs; see `choose_pairs`.
        dry_run: Change nothing; only report what would be imported, and how.
        taking: How frames are selected; by default from each file.

    Raises:
        ValueError: The label has results that were run here or is not a valid name, or the protocol
            lacks the seed.
    """
    taking = taking or Taking()
    seeds = dataset.manifest.protocol.seeds
    seed = seeds[0] if seed is None else seed
    if seed not in seeds:
        known = ", ".join(map(str, seeds))
        raise ValueError(f"No seed {seed} in the dataset's protocol; available: {known}.")
    _check_label(root, batch.label)
    if batch.files and not dry_run:
        write_method(
            method_folder(root, batch.label),
            MethodFile(label=batch.label, entry="", card=batch.card),
        )
    for wanted in choose_pairs(dataset.manifest, seeds=[seed], limit=limit):
        pair = (wanted.clip.name, wanted.edit.name)
        if pair not in batch.files:
            yield Outcome(batch.label, pair, "missing")
        elif dry_run:
            yield _planned(dataset, batch.label, wanted, batch.files[pair], taking)
        else:
            yield _import_one(root, dataset, batch.label, wanted, batch.files[pair], taking)


def _planned(dataset: Dataset, label: str, wanted: Pair, file: Path, taking: Taking) -> Outcome:
    """The file that a pair would use, and how its frames would be converted."""
    pair = (wanted.clip.name, wanted.edit.name)
    try:
        _, video, rule = taking.take(file, clip_form(dataset, wanted.clip))
    except (VideoError, OSError) as error:
        return Outcome(label, pair, "failed", in_words(error))
    return Outcome(label, pair, "planned", "; ".join((f"{file} ({rule})", *video.notes)))


def _check_label(root: Path, label: str) -> None:
    if not re.fullmatch(NAME_PATTERN, label):
        raise ValueError(
            f"'{label}' cannot be a method's label: use a-z, 0-9, '.', '_' and '-', "
            "a letter or digit first, at most 64."
        )
    before = read_method(method_folder(root, label))
    if before is not None and before.entry:
        raise ValueError(
            f"'{method_folder(root, label)}' holds results of {before.entry}, run here. Give "
            f"outputs made elsewhere a different label, such as '{label}-published'."
        )


def _import_one(
    root: Path, dataset: Dataset, label: str, wanted: Pair, file: Path, taking: Taking
) -> Outcome:
    clip, edit, manifest = wanted.clip, wanted.edit, dataset.manifest
    pair = (clip.name, edit.name)
    request = Request(
        method=label,
        dataset=manifest.name,
        dataset_version=manifest.version,
        clip=clip.name,
        edit=edit.name,
        seed=wanted.seed,
    )
    folder = result_folder(root, request)
    form = clip_form(dataset, clip)
    video, sha256, message = None, "", ""
    imported = Imported(file=file.name, sha256="")
    try:
        sha256 = content_sha256(file)
        if _is_here(folder, request, clip, sha256, taking):
            return Outcome(label, pair, "here")
        imported = Imported(file=file.name, sha256=sha256)
        read, video, rule = taking.take(file, form)
        imported = Imported(
            file=file.name,
            sha256=sha256,
            notes=video.notes,
            frames=rule,
            file_frames=len(read.frames),
            file_fps=read.fps,
        )
    except (VideoError, OSError) as error:
        if fault_of(error) == "machine":
            raise
        message = in_words(error).replace(str(file), file.name)  # results travel; folders do not
    record = RunRecord(
        status="done" if video else "failed",
        request=request,
        source_sha256=clip.pixels_sha256,
        prompt=edit.prompt,
        entry=ENTRY,
        parameters={},
        parameters_sha256=parameters_sha256(ENTRY, {}, {}),
        environment=describe_environment("cpu"),
        pixels_sha256=video.pixels_sha256 if video else "",
        failure=None if video else Failure(kind="decode", message=message, stage="load"),
        video=stored_video(video) if video else None,
        imported=imported,
    )
    _write(folder, record, video)
    says = message or "; ".join(imported.notes)
    return Outcome(label, pair, "imported" if video else "failed", says)


def _is_here(folder: Path, request: Request, clip: Clip, sha256: str, taking: Taking) -> bool:
    """Whether this file was already imported, completely and in the same way."""
    record = read_record(folder)
    return (
        record is not None
        and record.status == "done"
        and record.imported is not None
        and record.imported.sha256 == sha256
        and taking.frames in (None, record.imported.frames)
        and taking.fps in (None, record.imported.file_fps)
        and record.request == request
        and record.source_sha256 == clip.pixels_sha256
        and (folder / VIDEO).is_file()
    )


def _write(folder: Path, record: RunRecord, video: Video | None) -> None:
    """Write the record last, because it certifies that the rest is complete."""
    with held(folder):
        (folder / RECORD).unlink(missing_ok=True)
        if video is None:
            for name in (VIDEO, PREVIEW):
                (folder / name).unlink(missing_ok=True)
        else:
            write_lossless(folder / VIDEO, video)
            write_preview(folder / PREVIEW, video)
        write_record(folder, record)
