"""From a results folder to the results of one dataset, or the reason why they do not mix."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from smmbench.dataset import Dataset, another_prompt, clip_named, load_dataset, pairs
from smmbench.plugins import no_such
from smmbench.results import (
    MethodFile,
    RunRecord,
    Score,
    find_records,
    method_folder,
    other_method,
    read_method,
    scores_of,
)

Key = tuple[str, str, int]  # clip, edit, seed


@dataclass(frozen=True)
class Result:
    """One result of one method.

    Attributes:
        folder: Where it lies.
        record: How it was made.
        scores: By metric; empty if it is not scored, or what is scored was another video.
    """

    folder: Path
    record: RunRecord
    scores: dict[str, Score]

    def number(self, metric: str) -> float | None:
        """The score's value in a metric; None if there is none."""
        score = self.scores.get(metric)
        return score.value if score else None


@dataclass(frozen=True)
class Results:
    """All results of one dataset, by method and pair.

    Attributes:
        dataset: The dataset.
        methods: What each method says of itself; None where its `method.json` is missing.
        found: Results by label and pair, only pairs that the dataset and its protocol ask for.
        left_out: By label, how many results are of seeds or edits outside the protocol.
    """

    dataset: Dataset
    methods: dict[str, MethodFile | None]
    found: dict[str, dict[Key, Result]]
    left_out: dict[str, int]


def expected_pairs(dataset: Dataset) -> list[Key]:
    """Every pair that a whole run has: clips x edits x the protocol's seeds, in their order."""
    seeds = dataset.manifest.protocol.seeds
    return [(clip.name, edit.name, seed) for clip, edit in pairs(dataset) for seed in seeds]


def read_results(root: Path, dataset: str | None = None, *, check_prompts: bool = True) -> Results:
    """Read all results of one dataset.

    Args:
        root: The results folder.
        dataset: Name or manifest path; None if the folder holds results of one dataset only.
        check_prompts: Refuse a video that was made for another prompt than its edit's.

    Raises:
        ValueError: No results, results of several datasets, or results that do not mix; the
            message names them and says what to do.
    """
    records = list(find_records(root))
    if not records:
        raise ValueError(f"No results in '{root}'. Make some with `smmbench run --method NAME`.")
    names = sorted({record.request.dataset for _, record in records})
    if dataset is None and len(names) > 1:
        raise ValueError(f"'{root}' has results of {', '.join(names)}: choose one by --dataset.")
    chosen = load_dataset(dataset or names[0])
    name = chosen.manifest.name
    if name not in names:
        raise ValueError(f"'{root}': {no_such('results of dataset', name, names)}")
    expected = set(expected_pairs(chosen))
    found: dict[str, dict[Key, Result]] = defaultdict(dict)
    left_out: dict[str, int] = defaultdict(int)
    for folder, record in records:
        if record.request.dataset != name or record.request.reference != "forward":
            continue  # what was given another motion has no place among the others
        _refuse_another_dataset(folder, record, chosen)
        if check_prompts:
            _refuse_another_prompt(folder, record, chosen)
        label, key = record.request.method, key_of(record)
        if key not in expected:
            left_out[label] += 1
            continue
        if key in found[label]:
            raise ValueError(
                f"'{found[label][key].folder}' and '{folder}' hold the same result of "
                f"'{label}'. Remove one, or name a folder that holds one of them."
            )
        found[label][key] = Result(folder, record, scores_of(folder, record))
    for label, results in found.items():
        _refuse_two_methods(label, list(results.values()))
    if not any(found.values()):
        seeds = ", ".join(str(seed) for seed in chosen.manifest.protocol.seeds)
        raise ValueError(
            f"The results of '{name}' in '{root}' are all of other seeds than the protocol's "
            f"({seeds}), or of edits that it does not have. Run those that it asks for: "
            f"`smmbench run --dataset {name}`."
        )
    methods = {label: _method(root, label, results) for label, results in found.items()}
    return Results(chosen, methods, dict(found), dict(left_out))


def key_of(record: RunRecord) -> Key:
    """The pair that a record answers."""
    return record.request.clip, record.request.edit, record.request.seed


def key_named(text: str) -> Key:
    """The pair `CLIP/EDIT/SEED`.

    Raises:
        ValueError: It is not of that form.
    """
    parts = text.split("/")
    if len(parts) != 3 or not parts[2].isdecimal():
        raise ValueError(f"A pair is named as CLIP/EDIT/SEED, got '{text}'.")
    return parts[0], parts[1], int(parts[2])


def _refuse_another_dataset(folder: Path, record: RunRecord, dataset: Dataset) -> None:
    manifest, request = dataset.manifest, record.request
    if request.dataset_version != manifest.version:
        raise ValueError(
            f"'{folder}' was made for version {request.dataset_version} of '{manifest.name}', "
            f"installed is version {manifest.version}. Run it again, or move it elsewhere."
        )
    if request.clip not in {clip.name for clip in manifest.clips}:
        raise ValueError(f"'{folder}' is of the clip '{request.clip}', which is not in the set.")
    if record.source_sha256 != clip_named(dataset, request.clip).pixels_sha256:
        raise ValueError(
            f"'{folder}' was made from other pixels than the clip '{request.clip}' of "
            f"'{manifest.name}' has. Run it again, or move it elsewhere."
        )


def _refuse_another_prompt(folder: Path, record: RunRecord, dataset: Dataset) -> None:
    clip = clip_named(dataset, record.request.clip)
    if other := another_prompt(clip, record.request.edit, record.prompt):
        raise ValueError(f"'{folder}' was made {other} Run it again, or move it elsewhere.")


def _refuse_two_methods(label: str, results: Sequence[Result]) -> None:
    """Refuse one label for two settings: its mean would be of neither."""
    folders = {id(result.record): result.folder for result in results}
    if differing := other_method(result.record for result in results):
        one, other = (folders[id(record)] for record in differing)
        raise ValueError(
            f"'{one}' and '{other}' stand under one label '{label}' but were made with other "
            "parameters, code or weights. Run one of them under another label, or run the older "
            "ones again."
        )


def _method(root: Path, label: str, results: dict[Key, Result]) -> MethodFile | None:
    """The method's card: above its results, wherever `root` lies in the tree."""
    folders = [method_folder(root, label)]
    folders += [result.folder.parents[3] for result in list(results.values())[:1]]
    return next((card for card in map(read_method, folders) if card is not None), None)
