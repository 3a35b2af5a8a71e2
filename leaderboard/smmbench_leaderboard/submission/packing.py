"""Pack one method's results for verification: videos, records, card, and a list."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from smmbench import __version__
from smmbench.dataset import Protocol
from smmbench.results import VIDEO, MethodFile, Stored
from smmbench.results.files import METHOD, RECORD, SCORES
from smmbench.scoring.counting import Key, protocol_pairs
from smmbench.storage.atomic import atomic_path, remove_leftovers
from smmbench.storage.ending import ending_by_exception
from smmbench.storage.home import file_sha256
from smmbench.storage.local_paths import without_path
from smmbench_leaderboard.board.build import manifest_sha256
from smmbench_leaderboard.board.columns import RANKING
from smmbench_leaderboard.board.mixing import TRACKED, terms
from smmbench_leaderboard.board.reading import Result, Results, read_results
from smmbench_leaderboard.submission.archive import pack
from smmbench_leaderboard.submission.bounds import method_faults
from smmbench_leaderboard.submission.identity import card_lacks, identity_problems

SUBMISSION_SCHEMA = 1
MANIFEST = "manifest.json"
PAIRS = "pairs"

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Short = Annotated[str, Field(max_length=200)]
Count = Annotated[int, Field(ge=0, le=10**9)]
Label = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]


class Packed(Stored):
    """One file of a submission."""

    path: str
    sha256: Sha256
    size: int = Field(ge=0)  # bytes


class Submission(Stored):
    """Content of `manifest.json`: what the archive is, and every other file in it."""

    schema_version: int = SUBMISSION_SCHEMA
    kind: Literal["smmbench submission"] = "smmbench submission"
    smmbench: Short  # version that packed it
    method: Label
    dataset: Short
    dataset_version: int
    dataset_sha256: Sha256  # of the manifest's content
    protocol: Protocol
    expected: Count
    done: Count
    failed: Count
    missing: Count
    partial: bool  # some pairs are missing, as the submitter states
    files: tuple[Packed, ...]


@dataclass(frozen=True)
class Written:
    """A packed submission, and warnings for its author.

    Attributes:
        path: Path of the archive.
        sha256: SHA-256 of the archive.
        submission: Manifest of the archive.
        warnings: One sentence each.
    """

    path: Path
    sha256: str
    submission: Submission
    warnings: tuple[str, ...]


def pair_folder(key: Key) -> str:
    """Return the folder of a pair in the archive."""
    clip, edit, seed = key
    return f"{PAIRS}/{clip}/{edit}/seed-{seed}"


def submit(
    root: Path,
    output: Path,
    dataset: str | None = None,
    allow_partial: bool = False,
    facts: Mapping[str, str] | None = None,
) -> Written:
    """Pack the results of one method on one dataset.

    The same results give the same bytes. Scores are included for comparison only.

    Args:
        root: Folder of one method (`results/smm`).
        output: The archive; an existing one is replaced atomically.
        dataset: Name or manifest path; None if the method has results of one dataset only.
        allow_partial: Pack even if pairs are missing; the submission then states this.
        facts: Values that override fields of the card, by the name of the field.

    Raises:
        ValueError: There are several methods, no method card or an incomplete one, a file that
            does not match its record, or missing pairs without `allow_partial`.
    """
    results = read_results(root, dataset, check_videos=False)  # `_files` looks at them
    if results.problems:
        raise ValueError(" ".join(results.problems))
    label, found = _only_method(root, results)
    expected = protocol_pairs(results.dataset)
    status = Counter(result.record.status for result in found.values())
    missing = [key for key in expected if key not in found]
    faults = []
    if missing and not allow_partial:
        some = ", ".join("/".join(map(str, key)) for key in missing[:3])
        faults.append(
            f"'{label}' lacks {len(missing)} of {len(expected)} pairs of "
            f"'{results.dataset.manifest.name}' (such as {some}). Run them, or pack with "
            "--allow-partial: each missing pair then counts as worst."
        )
    method = _method(results, label, facts or {})
    if lacking := card_lacks(method.card):
        options = " ".join(f"--{fact.split()[0]} TEXT" for fact in lacking)
        faults.append(
            f"The card of '{label}' does not state {'; '.join(lacking)}. Add it to the method's "
            f"card, or give: {options}"
        )
    if faults:  # all at once, because running the pairs takes hours
        raise ValueError(" ".join(faults))
    files = _files(results, label, found, method)
    manifest = results.dataset.manifest
    submission = Submission(
        smmbench=__version__,
        method=label,
        dataset=manifest.name,
        dataset_version=manifest.version,
        dataset_sha256=manifest_sha256(results.dataset),
        protocol=manifest.protocol,
        expected=len(expected),
        done=status["done"],
        failed=status["failed"],
        missing=len(missing),
        partial=bool(missing),
        files=tuple(_packed(name, files[name]) for name in sorted(files)),
    )
    content = submission.model_dump_json(indent=1).encode() + b"\n"
    remove_leftovers(output.parent)  # of a `submit` that was killed
    with ending_by_exception(), atomic_path(output) as temporary:
        pack(temporary, {**files, MANIFEST: content})
    return Written(output, file_sha256(output), submission, tuple(_warnings(submission, results)))


def _only_method(root: Path, results: Results) -> tuple[str, dict[Key, Result]]:
    if len(results.found) > 1:
        raise ValueError(
            f"'{root}' holds several methods ({', '.join(sorted(results.found))}). A submission "
            f"contains one: name its folder, such as '{root / min(results.found)}'."
        )
    return next(iter(results.found.items()))


def _method(results: Results, label: str, facts: Mapping[str, str]) -> MethodFile:
    """Return the method's file, with these facts on its card."""
    method = results.methods[label]
    if method is None:
        raise ValueError(f"'{label}' has no {METHOD}; run or import it again to get one.")
    card = replace(method.card, **{name: fact for name, fact in facts.items() if fact})
    return method.model_copy(update={"card": card})


def _files(
    results: Results, label: str, found: dict[Key, Result], method: MethodFile
) -> dict[str, Path | bytes]:
    problems = [f"The card of '{label}' {fault}." for fault in method_faults(method)]
    records = {key: result.record for key, result in found.items()}
    problems += identity_problems(method, records, results.dataset.manifest.name)
    if problems:
        raise ValueError(" ".join(problems[:3]))
    files: dict[str, Path | bytes] = {METHOD: method.model_dump_json(indent=2).encode() + b"\n"}
    for key, result in found.items():
        names = [RECORD]
        if result.record.status == "done":
            names += [VIDEO, SCORES] if result.scores else [VIDEO]
        for name in names:
            path = result.folder / name
            if not path.is_file():
                raise ValueError(f"'{path}' is missing; run this pair again.")
            files[f"{pair_folder(key)}/{name}"] = path
    return files


def _packed(name: str, content: Path | bytes) -> Packed:
    if isinstance(content, bytes):
        return Packed(path=name, sha256=hashlib.sha256(content).hexdigest(), size=len(content))
    return Packed(path=name, sha256=file_sha256(content), size=content.stat().st_size)


def _warnings(submission: Submission, results: Results) -> list[str]:
    warnings = []
    if submission.partial:
        warnings.append(f"{submission.missing} missing pairs count as worst.")
    if submission.failed:
        warnings.append(
            f"{submission.failed} failed pairs are included as failed and count as worst."
        )
    warnings += _copy_warnings(results)
    warnings += _score_warnings(results)
    if left := results.left_out.get(submission.method):
        warnings.append(f"{left} results of seeds or edits outside the protocol are omitted.")
    return warnings


def _copy_warnings(results: Results) -> Iterator[str]:
    """Warn of what verification rejects: outputs that are copies or near-copies of the source."""
    for label, found in results.found.items():
        method = results.methods[label]
        copies = [
            result
            for result in found.values()
            if result.record.pixels_sha256 == result.record.source_sha256
        ]
        if copies and not (method and method.card.kind == "control"):
            yield (
                f"{len(copies)} videos are copies of their source (such as '{copies[0].folder}'): "
                "`smmbench verify` rejects copies of all but controls."
            )
        marked = [result for result in found.values() if result.marks_that_hold]
        if marked and not (method and method.card.kind == "control"):
            rules = dict.fromkeys(name for result in marked for name in result.marks_that_hold)
            yield (
                f"{len(marked)} of {len(found)} videos are marked ({', '.join(rules)}) and count "
                f"as worst on motion (such as '{marked[0].folder}'): `smmbench verify` rejects "
                "those that are near-copies of their source."
            )


def _score_warnings(results: Results) -> Iterator[str]:
    """Warn of missing scores, and of scores under another protocol."""
    found = [result for by in results.found.values() for result in by.values()]
    done = [result for result in found if result.record.status == "done"]
    lacking = sum(any(result.number(name) is None for name in RANKING) for result in done)
    if lacking:
        yield (
            f"{lacking} videos are not scored on both axes; run `smmbench score` first if you want "
            "to see their scores beforehand."
        )
    protocol = results.dataset.manifest.protocol.model_dump(mode="json") | TRACKED
    own = {  # as a score names it, without a path
        name: without_path(value) if isinstance(value, str) else value
        for name, value in protocol.items()
    }
    others = {
        f"{name} {value} instead of {own.get(name) or 'none'}"
        for result in done
        for score in result.scores.values()
        for name, value in terms(score).items()
        if score.metric in RANKING and own.get(name) != value
    }
    if others:
        yield (
            f"Its scores are from another protocol ({', '.join(sorted(others))}): they are "
            "included but not compared."
        )
