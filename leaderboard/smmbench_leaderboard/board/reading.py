"""Read the results of one dataset from a results folder, and list what cannot be used."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from smmbench.dataset import Dataset, another_prompt, clip_named, load_dataset
from smmbench.results import (
    Mark,
    MethodFile,
    RunRecord,
    Score,
    TracksFile,
    find_records,
    method_folder,
    method_folder_of,
    of_this_video,
    other_method,
    read_method,
    read_scores,
)
from smmbench.scoring.counting import Key, protocol_pairs
from smmbench.scoring.intact import why_not_intact


class NoResultsError(ValueError):
    """A results folder has no result of the requested dataset, and none that is damaged."""


class OtherDatasetError(NoResultsError):
    """A results folder has results, but none of the requested dataset."""


@dataclass(frozen=True)
class Result:
    """One result of one method.

    Attributes:
        folder: Folder of the result.
        record: Record of how the video was generated.
        scores: Scores by metric; empty if there are none, or if they are of another video.
        marks: Measurements of the marks, whether or not they mark the video.
        tracks: Name of the file that holds the tracks which the scores compared.
    """

    folder: Path
    record: RunRecord
    scores: dict[str, Score]
    marks: tuple[Mark, ...] = ()
    tracks: TracksFile | None = None

    @property
    def marks_that_hold(self) -> tuple[str, ...]:
        """Names of the rules that mark this video."""
        return tuple(mark.name for mark in self.marks if mark.marked)

    def number(self, metric: str) -> float | None:
        """Return the score in a metric; None if there is none."""
        score = self.scores.get(metric)
        return score.value if score else None


@dataclass(frozen=True)
class Results:
    """All results of one dataset, by method and pair.

    Attributes:
        dataset: The dataset.
        methods: The card of each method; None if its `method.json` is missing.
        found: Results by label and pair, only for pairs of the dataset's protocol.
        left_out: By label, the number of results for seeds or edits outside the protocol.
        other_references: By label and reference (`reversed`, `other`, `none`), the number of
            results that were generated from another motion than the clip's own. They are never
            combined with the others.
        from_others: These results by label, reference and pair, for `selectivity`; only for pairs
            of the protocol, and for methods that also have results of the clips' own motion,
            generated in the same way.
        problems: One sentence on everything that could not be used.
    """

    dataset: Dataset
    methods: dict[str, MethodFile | None]
    found: dict[str, dict[Key, Result]]
    left_out: dict[str, int]
    problems: tuple[str, ...] = ()
    other_references: dict[str, dict[str, int]] = field(default_factory=dict)
    from_others: dict[str, dict[str, dict[Key, Result]]] = field(default_factory=dict)


def read_results(
    root: Path,
    dataset: str | None = None,
    *,
    check_prompts: bool = True,
    check_videos: bool = True,
) -> Results:
    """Read all results of one dataset; what cannot be used is left out and listed.

    A record that is empty, of another tool or of another version of the dataset does not affect the
    others. A label with two settings, or with two results of one pair, is left out entirely,
    because its mean would describe neither.

    Args:
        root: The results folder.
        dataset: Name or manifest path; None if the folder holds results of one dataset only.
        check_prompts: Leave out videos that were generated for another prompt than their edit's.
        check_videos: Leave out scores whose video is missing, truncated or another one.

    Raises:
        ValueError: There are no usable results, or results of several datasets; the message names
            them and states what to do.
    """
    problems = Problems()
    records = list(find_records(root, problems.unreadable))
    if not records and (unreadable := problems.text()):
        raise ValueError(unreadable)
    if not records:
        raise NoResultsError(
            f"No results in '{root}'. Generate some with `smmbench run --method NAME`."
        )
    names = sorted({record.request.dataset for _, record in records})
    if dataset is None and len(names) > 1:
        raise ValueError(f"'{root}' has results of {', '.join(names)}: choose one by --dataset.")
    chosen = load_dataset(dataset or names[0])
    name = chosen.manifest.name
    if name not in names:
        raise OtherDatasetError(
            f"'{root}' has no results of '{name}', but of {', '.join(names)}: name one of these by "
            f"--dataset, or generate some with `smmbench run --dataset {name}`."
        )
    expected = set(protocol_pairs(chosen))
    every: dict[str, dict[Key, list[Result]]] = defaultdict(lambda: defaultdict(list))
    left_out: dict[str, int] = defaultdict(int)
    others: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    from_others: dict[str, dict[str, dict[Key, Result]]] = defaultdict(lambda: defaultdict(dict))
    for folder, record in records:
        label, key = record.request.method, key_of(record)
        if record.request.dataset != name:
            continue
        if record.request.reference != "forward":
            others[label][record.request.reference] += 1
            if key in expected and not why_of_another_dataset(record, chosen, check_prompts):
                given = from_others[label][record.request.reference]
                given[key] = _result(folder, record, problems, check_videos)
            continue
        if wrong := why_of_another_dataset(record, chosen, check_prompts):
            problems.add(label, folder, wrong)
        elif key not in expected:
            left_out[label] += 1
        else:
            every[label][key].append(_result(folder, record, problems, check_videos))
    found = {label: by for label, of in every.items() if (by := _one_method(label, of, problems))}
    methods: dict[str, MethodFile | None] = {}
    for label in list(found):
        try:
            methods[label] = _method(root, label, found[label])
        except ValueError as error:  # without its card, a control would count as a method
            reason = f"is omitted, because its card cannot be read: {error}"
            problems.add(label, method_folder(root, label), reason)
            del found[label]
    counts = {label: dict(by) for label, by in others.items()}
    if not found:
        if counts and not every and not left_out and not problems.text():
            raise ValueError(
                f"The results of '{name}' in '{root}' were all generated from another motion than "
                f"the clips' own ({', '.join(sorted({*by_reference(counts)}))}), and a board ranks "
                f"results of the clips themselves: `smmbench run --dataset {name}` makes them."
            )
        seeds = ", ".join(str(seed) for seed in chosen.manifest.protocol.seeds)
        raise ValueError(
            problems.text()
            or f"The results of '{name}' in '{root}' are all of other seeds than the protocol's "
            f"({seeds}), or of edits that it does not have. Run those that it asks for: "
            f"`smmbench run --dataset {name}`."
        )
    alike = _made_alike(found, from_others, problems)
    return Results(chosen, methods, found, dict(left_out), problems.sentences(), counts, alike)


def by_reference(others: Mapping[str, Mapping[str, int]]) -> dict[str, int]:
    """Return the number of results of each other reference."""
    total: dict[str, int] = defaultdict(int)
    for counts in others.values():
        for reference, count in counts.items():
            total[reference] += count
    return dict(total)


class Problems:
    """What could not be used in a results folder, by method and reason."""

    def __init__(self) -> None:
        self._folders: dict[tuple[str, str], list[Path]] = defaultdict(list)

    def add(self, label: str, folder: Path, reason: str) -> None:
        """Note a folder; `reason` is the rest of a sentence whose subject is the folder."""
        self._folders[label, reason].append(folder)

    def unreadable(self, folder: Path, error: ValueError) -> None:
        """Note a folder whose record cannot be read."""
        self.add("", folder, f"{error}")

    def sentences(self) -> tuple[str, ...]:
        """Return one sentence per method and reason, with the first folder concerned."""
        return tuple(
            reason if not label else f"{label}: '{folders[0]}'{_more(len(folders) - 1)} {reason}"
            for (label, reason), folders in self._folders.items()
        )

    def text(self) -> str:
        """Return all sentences as one text; empty if there are none."""
        return " ".join(self.sentences())


def _more(count: int) -> str:
    return "" if count == 0 else f" and {count} more"


def _result(folder: Path, record: RunRecord, problems: Problems, check_video: bool) -> Result:
    """Return a result with its scores, or without them if they or the video cannot be used."""
    label = record.request.method
    try:
        file = of_this_video(read_scores(folder), record)
    except ValueError as error:
        problems.add(label, folder, f"counts as unscored. {error}")
        return Result(folder, record, {})
    scores = {score.metric: score for score in file.scores} if file else {}
    if scores and check_video and (wrong := why_not_intact(folder, record, file)):
        problems.add(
            label,
            folder,
            f"counts as worst: {wrong}. Run it again, or restore the video and score it.",
        )
        return Result(folder, record, {})
    if file is None:
        return Result(folder, record, {})
    return Result(folder, record, scores, file.marks, file.tracks)


def _one_method(
    label: str, results: dict[Key, list[Result]], problems: Problems
) -> dict[Key, Result]:
    """Return one result per pair, all generated in one way; none if they were not."""
    for same in results.values():
        if len(same) > 1:
            problems.add(
                label,
                same[0].folder,
                f"and '{same[1].folder}' hold the same result, so the row is omitted. Remove one, "
                "or name a folder that holds one of them.",
            )
            return {}
    found = {key: same[0] for key, same in results.items()}
    folders = {id(result.record): result.folder for result in found.values()}
    if differing := other_method(result.record for result in found.values()):
        one, other = (folders[id(record)] for record in differing)
        problems.add(
            label,
            one,
            f"and '{other}' have the same label but were made with different parameters, code or "
            "weights, so the row is omitted. Run one of them under another label, or "
            "regenerate the older ones.",
        )
        return {}
    return found


def _made_alike(
    found: Mapping[str, Mapping[Key, Result]],
    from_others: Mapping[str, Mapping[str, dict[Key, Result]]],
    problems: Problems,
) -> dict[str, dict[str, dict[Key, Result]]]:
    """Return results of other references with the row's method, parameters and weights."""
    alike: dict[str, dict[str, dict[Key, Result]]] = {}
    for label, own in found.items():
        for reference, results in from_others.get(label, {}).items():
            records = [result.record for result in (*own.values(), *results.values())]
            if other_method(records):
                problems.add(
                    label,
                    next(iter(results.values())).folder,
                    f"and the other results of the reference '{reference}' were made with other "
                    "parameters, code or weights than those of the clips' own motion, so that "
                    "they are not compared. Run one of them again.",
                )
                continue
            alike.setdefault(label, {})[reference] = results
    return alike


def key_of(record: RunRecord) -> Key:
    """Return the pair of a record."""
    return record.request.clip, record.request.edit, record.request.seed


def key_named(text: str) -> Key:
    """Parse a pair that is written `CLIP/EDIT/SEED`.

    Raises:
        ValueError: The text is not of that form.
    """
    parts = text.split("/")
    if len(parts) != 3 or not parts[2].isdecimal():
        raise ValueError(f"A pair is written CLIP/EDIT/SEED, got '{text}'.")
    return parts[0], parts[1], int(parts[2])


def why_of_another_dataset(record: RunRecord, dataset: Dataset, check_prompt: bool = True) -> str:
    """Return why a record does not belong to this dataset; empty if it does."""
    manifest, request = dataset.manifest, record.request
    again = "Run it again, or move it elsewhere."
    if request.dataset_version != manifest.version:
        return (
            f"was made for version {request.dataset_version} of '{manifest.name}', installed is "
            f"version {manifest.version}. {again}"
        )
    if request.clip not in {clip.name for clip in manifest.clips}:
        return f"is of the clip '{request.clip}', which is not in the set. {again}"
    clip = clip_named(dataset, request.clip)
    if record.source_sha256 != clip.pixels_sha256:
        return (
            f"was made from other pixels than the clip '{request.clip}' of '{manifest.name}' has. "
            f"{again}"
        )
    if check_prompt and (other := another_prompt(clip, request.edit, record.prompt)):
        return f"was made {other} {again}"
    return ""


def _method(root: Path, label: str, results: dict[Key, Result]) -> MethodFile | None:
    """Find the method's card above its results, wherever `root` is in the tree."""
    folders = [method_folder(root, label)]
    folders += [method_folder_of(result.folder) for result in list(results.values())[:1]]
    return next((card for card in map(read_method, folders) if card is not None), None)
