"""Create a study: the private plan, and the folder for raters."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from smmbench.dataset import clip_form, clip_named, source_video
from smmbench.results import VIDEO
from smmbench.scoring.counting import Key
from smmbench.storage.atomic import write_text
from smmbench.video import Video, normal_form, read_video, write_preview
from smmbench_leaderboard.board.build import manifest_sha256
from smmbench_leaderboard.board.reading import Results, read_results
from smmbench_leaderboard.study.design import Check, Shown, cells_of, deal
from smmbench_leaderboard.study.merging import RIGHT, WRONG, card, merged, still
from smmbench_leaderboard.study.pages import write_pages
from smmbench_leaderboard.study.plan import (
    PLAN,
    PUBLIC,
    Form,
    Item,
    Plan,
    Planned,
    Question,
    Rule,
    Trial,
)
from smmbench_leaderboard.study.sample_size import (
    ALPHA,
    POWER,
    design_effect,
    judgements_needed,
)

CARDS = 3  # checks per form, plus one with a still if a question is about motion
CORRELATION = 0.05
"""Assumed correlation of two judgements by one rater, or on one clip."""


@dataclass(frozen=True)
class Options:
    """Options of a study.

    Attributes:
        methods: Labels of the methods; empty for all methods of the results.
        questions: Names of the questions.
        limit: Maximum number of items, round-robin over clips; None for all.
        trials: Number of comparisons per form.
        raters: Number of forms; None for as many as the planned judgements need.
        share: Share of wins between two methods that the study should detect.
        rule: Rule that excludes raters.
        seed: Seed of all random choices.
        title: Title of the page.
        consent: Text that raters agree to; empty for the default.
    """

    methods: Sequence[str] = ()
    questions: Sequence[Question] = ("motion", "text")
    limit: int | None = None
    trials: int = 30
    raters: int | None = None
    share: float = 0.65
    rule: Rule = field(default_factory=Rule)
    seed: int = 0
    title: str = "Which video is better?"
    consent: str = ""


def new_study(
    results: Path,
    folder: Path,
    dataset: str | None = None,
    options: Options | None = None,
    salt: str = "",
    tell: Callable[[str], None] = lambda _: None,
) -> Plan:
    """Make a study of a results folder.

    Args:
        results: The results folder.
        folder: Folder for the plan and, in `public/`, for the page.
        dataset: Name or manifest path; None if there are results of one dataset only.
        options: Options of the study.
        salt: Makes identifiers impossible to guess; drawn at random if empty.
        tell: Called with each line of progress.

    Raises:
        ValueError: The folder already contains a study, or there are fewer than two methods or
            nothing to compare.
    """
    options, salt = options or Options(), salt or secrets.token_hex(16)
    if (folder / PLAN).exists():
        raise ValueError(f"'{folder}' already contains a study; use another folder.")
    found = read_results(results, dataset)
    methods = _methods(found, options.methods)
    keys = _items(found, options.limit)
    names = {"/".join(map(str, key)): key for key in keys}
    videos = {
        name: frozenset(
            label
            for label in methods
            if key in found.found[label] and found.found[label][key].record.status == "done"
        )
        for name, key in names.items()
    }
    cells, lacking = cells_of(methods, videos)
    if not cells:
        raise ValueError("No two of the methods have videos of the same pair.")
    trials = min(options.trials, len(cells))
    comparisons = len(methods) * (len(methods) - 1) // 2
    planned = _planned(options, comparisons, len(keys), trials)
    raters = options.raters or -(-planned.judgements * comparisons // trials)
    checks: list[Check] = ["card"] * CARDS
    if "motion" in options.questions:
        checks.append("still")
    dealt = deal(cells, raters, trials, checks, options.seed)
    media = _Media(found, names, folder / PUBLIC, salt)
    count = len({(one.item, one.a, one.b, one.check) for form in dealt for one in form})
    tell(f"{raters} forms of {trials} comparisons; making {count} merged videos.")
    plan = Plan(
        study=_token(salt, "study"),
        title=options.title,
        dataset=found.dataset.manifest.name,
        dataset_sha256=manifest_sha256(found.dataset),
        methods=tuple(methods),
        questions=tuple(options.questions),
        items={name: _item(found, key) for name, key in names.items()},
        forms=tuple(
            Form(
                number=number,
                trials=tuple(
                    Trial(
                        id=_token(salt, f"trial {number} {place}"),
                        media=media.of(one),
                        item=one.item,
                        a=one.a,
                        b=one.b,
                        check=one.check,
                    )
                    for place, one in enumerate(form)
                ),
            )
            for number, form in enumerate(dealt, start=1)
        ),
        rule=options.rule,
        planned=planned,
        seed=options.seed,
        left_out=tuple(f"{cell.item}: {cell.one}, {cell.other}" for cell in lacking),
    )
    write_pages(folder / PUBLIC, plan, options.consent)
    write_text(folder / PLAN, plan.model_dump_json(indent=1) + "\n")  # last: then it is whole
    return plan


def _methods(found: Results, asked: Sequence[str]) -> list[str]:
    unknown = [label for label in asked if label not in found.found]
    if unknown:
        raise ValueError(f"No results of {', '.join(unknown)}; there are {', '.join(found.found)}.")
    methods = list(dict.fromkeys(asked)) or sorted(found.found)
    if len(methods) < 2:
        raise ValueError(f"A study compares at least two methods; there is {', '.join(methods)}.")
    return methods


def _items(found: Results, limit: int | None) -> list[Key]:
    """Return the pairs of the first seed, with the first edit of every clip first."""
    manifest = found.dataset.manifest
    seed = manifest.protocol.seeds[0]
    rounds = max(len(clip.edits) for clip in manifest.clips)
    keys = [
        (clip.name, clip.edits[turn].name, seed)
        for turn in range(rounds)
        for clip in manifest.clips
        if turn < len(clip.edits)
    ]
    there = [key for key in keys if any(key in of for of in found.found.values())]
    return there[:limit]


def _item(found: Results, key: Key) -> Item:
    clip, edit, seed = key
    of = clip_named(found.dataset, clip)
    prompt = next(one.prompt for one in of.edits if one.name == edit)
    return Item(clip=clip, edit=edit, seed=seed, prompt=prompt)


def _planned(options: Options, comparisons: int, items: int, trials: int) -> Planned:
    """Plan the judgements between every two methods, with the design effect of clusters."""
    needed = judgements_needed(options.share, comparisons)
    by_rater = trials / comparisons  # of the same two methods
    by_clip = needed / items
    effect = design_effect(by_rater, CORRELATION) + design_effect(by_clip, CORRELATION) - 1
    return Planned(
        share=options.share,
        power=POWER,
        alpha=ALPHA,
        effect=effect,
        judgements=round(needed * effect + 0.5),
    )


def _token(salt: str, what: str) -> str:
    return hashlib.sha256(f"{salt} {what}".encode()).hexdigest()[:16]


class _Media:
    """Merged videos, each created once, under names that reveal nothing."""

    def __init__(self, found: Results, names: dict[str, Key], folder: Path, salt: str) -> None:
        self._found, self._names, self._folder, self._salt = found, names, folder, salt
        self._made: set[str] = set()

    def of(self, one: Shown) -> str:
        """Return the file of a choice, relative to the public folder."""
        token = _token(self._salt, f"media {one.item} {one.a} {one.b} {one.check}")
        name = f"media/{token}.mp4"
        if name not in self._made:
            (self._folder / "media").mkdir(parents=True, exist_ok=True)
            write_preview(self._folder / name, self._merged(one))
            self._made.add(name)
        return name

    def _merged(self, one: Shown) -> Video:
        clip, _, _ = self._names[one.item]
        dataset = self._found.dataset
        form = clip_form(dataset, clip_named(dataset, clip))
        source = normal_form(source_video(dataset, clip_named(dataset, clip)), form)
        if one.check == "card":
            sides = {"right": card(source, RIGHT), "wrong": card(source, WRONG)}
        elif one.check == "still":
            sides = {"right": source, "wrong": still(source)}
        else:
            sides = {label: self._output(label, one.item) for label in (one.a, one.b)}
            sides = {label: normal_form(video, form) for label, video in sides.items()}
        return merged(source, sides[one.a], sides[one.b])

    def _output(self, label: str, item: str) -> Video:
        return read_video(self._found.found[label][self._names[item]].folder / VIDEO)
