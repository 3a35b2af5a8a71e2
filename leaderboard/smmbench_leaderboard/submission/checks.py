"""Checks of a submission that come before its scores are recomputed."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

from smmbench.dataset import (
    Clip,
    Dataset,
    clip_form,
    clip_named,
    edit_named,
    missing_files,
    source_video,
)
from smmbench.display.escaping import hidden
from smmbench.importing.importer import ENTRY
from smmbench.marks import is_near_copy
from smmbench.results import VIDEO, MethodFile, RunRecord, identity_of, other_method
from smmbench.results.files import SCORES
from smmbench.scoring.counting import Key, protocol_pairs
from smmbench.video import Limits, NormalForm, Video, VideoError, normal_form, read_video
from smmbench_leaderboard.submission.bounds import method_faults, record_faults
from smmbench_leaderboard.submission.claims import claim_faults
from smmbench_leaderboard.submission.identity import identity_problems
from smmbench_leaderboard.submission.matroska import LARGER, check_pixels, check_structure
from smmbench_leaderboard.submission.opening import Refused, claims_of
from smmbench_leaderboard.submission.packing import Submission, pair_folder


def check_records(
    submission: Submission,
    method: MethodFile,
    records: Mapping[Key, RunRecord],
    dataset: Dataset,
) -> list[str]:
    """Compare the records with the dataset, the list and each other.

    Returns:
        One sentence per fault; empty if there is none.
    """
    problems = list(_coverage_problems(submission, records, dataset))
    problems += (f"Its method card {fault}." for fault in method_faults(method))
    problems += identity_problems(method, records, dataset.manifest.name)
    if any(map(hidden, submission.smmbench)):
        problems.append("It names a version of smmbench with signs that are not seen.")
    if method.label != submission.method:
        problems.append(f"Its method card is of '{method.label}', not '{submission.method}'.")
    if other_method(records.values()):
        problems.append("Its records are of different parameters, code or weights.")
    expected = set(protocol_pairs(dataset))
    for key, record in records.items():
        if key not in expected:
            problems.append(f"'{pair_folder(key)}' is no pair of '{submission.dataset}'.")
        else:
            problems += (f"'{pair_folder(key)}' {why}" for why in _record_faults(record, dataset))
            problems += (f"'{pair_folder(key)}' {why}." for why in record_faults(record))
        if record.request.method != submission.method:
            problems.append(f"'{pair_folder(key)}' was made by '{record.request.method}'.")
        imported = not method.entry and record.entry == ENTRY and record.imported is not None
        if record.entry != method.entry and not imported:
            problems.append(f"'{pair_folder(key)}' was made by other code than the card says.")
    return problems


def check_videos(
    folder: Path, records: Mapping[Key, RunRecord], dataset: Dataset, method: MethodFile
) -> tuple[list[str], list[str]]:
    """Decode every video, one at a time, and check that its pixels are as recorded and not copied.

    Args:
        folder: Folder of the unpacked submission.
        records: Records by pair.
        dataset: The dataset.
        method: Checked content of `method.json`; a control may consist of copies.

    Returns:
        Problems and warnings, one sentence each.
    """
    problems: list[str] = []
    warnings: Counter[str] = Counter()
    places: dict[str, list[Key]] = defaultdict(list)  # by pixels
    control = method.card.kind == "control"
    for key, record in records.items():
        place = pair_folder(key)
        path = folder / place / VIDEO
        if path.exists() != (record.status == "done"):
            there = "has a video but is recorded as failed" if path.exists() else "has no video"
            problems.append(f"'{place}' {there}.")
        if record.status != "done" or not path.exists():
            continue
        clip = clip_named(dataset, key[0])
        form = clip_form(dataset, clip)
        try:
            check_structure(path, form)
            check_pixels(path)
            video = read_video(path, _limits(form))
            output = normal_form(video, form)
            scored = output.pixels_sha256
        except VideoError as error:
            problems.append(f"'{place}' cannot be scored: {str(error).replace(f'{folder}/', '')}")
            continue
        if video.notes:
            problems.append(f"'{place}' is converted when it is read: {video.notes[0]}.")
        problems += (f"'{place}' {fault}." for fault in _claim_faults(folder, key, record, scored))
        if other := _another_form(video, form):
            warnings[f"Videos are brought to the clip's form before they are scored: {other}."] += 1
        if video.pixels_sha256 != record.pixels_sha256:
            problems.append(f"'{place}' decodes to other pixels than its record says.")
        if not control and (copy := _copied(output, clip, dataset)):
            problems.append(f"'{place}' {copy}; only a control may be one.")
        places[scored].append(key)
    if not control:
        for keys in (keys for keys in places.values() if len(keys) > 1):
            names = ", ".join(map(pair_folder, keys[:3]))
            if len({key[:2] for key in keys}) < len(keys) and not is_deterministic(method):
                problems.append(
                    f"The same pixels stand for several seeds ({names}), and the method does not "
                    "say that it draws nothing."
                )
            else:
                warnings[f"The same pixels stand for {len(keys)} pairs: {names}."] += 1
    return problems, list(warnings)


def is_deterministic(method: MethodFile) -> bool:
    """Return whether a method states that it draws nothing, so all seeds give one video."""
    return bool(getattr(method, "deterministic", False))


def _limits(form: NormalForm) -> Limits:
    """Return the largest video that is decoded for a clip of this form."""
    pixels = form.width * form.height
    return Limits(
        frames=LARGER * form.frames,
        frame_pixels=LARGER * pixels,
        total_pixels=LARGER * form.frames * pixels,
    )


def _another_form(video: Video, form: NormalForm) -> str:
    """Describe how a video differs from its clip's form; empty if it does not."""
    height, width = video.frames.shape[1:3]
    own = f"{len(video.frames)} frames of {width}x{height} at {video.fps:g} a second"
    scored = f"{form.frames} of {form.width}x{form.height} at {form.fps:g}"
    same = (len(video.frames), width, height, video.fps) == (
        *(form.frames, form.width, form.height),
        form.fps,
    )
    return "" if same else f"{own} to {scored}"


def _claim_faults(folder: Path, key: Key, record: RunRecord, scored: str) -> Iterator[str]:
    """Return what is wrong with the claims of one pair, if it has any."""
    if not (folder / pair_folder(key) / SCORES).is_file():
        return
    try:
        claims = claims_of(folder, key)
    except Refused as error:
        yield f"has scores that are not readable: {error}"
        return
    yield from claim_faults(claims, record)
    if any(score.origin.get("output", scored) != scored for score in claims.scores):
        yield "claims scores of other pixels"
    if any(score.origin.get("prompt", record.prompt) != record.prompt for score in claims.scores):
        yield "claims scores for another prompt"


def _copied(output: Video, clip: Clip, dataset: Dataset) -> str:
    """Return whether an output is a copy or near-copy of its source, if that is available."""
    if output.pixels_sha256 == clip.pixels_sha256:
        return "is a copy of the source clip"
    if missing_files(dataset, [clip.video]):
        return ""
    if is_near_copy(source_video(dataset, clip).frames, output.frames):
        return "is a near-copy of the source: filters, new colours or a move of the clip give it"
    return ""


def _record_faults(record: RunRecord, dataset: Dataset) -> Iterator[str]:
    request, manifest = record.request, dataset.manifest
    clip = clip_named(dataset, request.clip)
    if (request.dataset, request.dataset_version) != (manifest.name, manifest.version):
        yield f"is of '{request.dataset}' version {request.dataset_version}."
    if record.source_sha256 != clip.pixels_sha256:
        yield "was made from other pixels than the source clip has."
    if record.prompt != edit_named(clip, request.edit).prompt:
        yield "was made with another prompt."
    if record.parameters_sha256 != identity_of(record):
        yield "has a parameter hash that is not that of its parameters."
    if (record.status == "failed") != (record.failure is not None):
        yield "does not say clearly whether it failed."


def _coverage_problems(
    submission: Submission, records: Mapping[Key, RunRecord], dataset: Dataset
) -> Iterator[str]:
    """Compare the number of results with what the submission states."""
    count = Counter(record.status for record in records.values())
    expected = protocol_pairs(dataset)
    missing = sum(key not in records for key in expected)
    said = (submission.expected, submission.done, submission.failed, submission.missing)
    if said != (len(expected), count["done"], count["failed"], missing):
        yield (
            f"It says {submission.done} done, {submission.failed} failed and {submission.missing} "
            f"missing of {submission.expected}; there are {count['done']}, {count['failed']} and "
            f"{missing} of {len(expected)}."
        )
    if missing and not submission.partial:
        yield f"{missing} of {len(expected)} pairs are missing, and it does not say it is partial."
    if not records:
        yield "It has no results."
