"""Analyse answer files: exclude raters with reasons, then fit one model per question."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from smmbench.results import Stored
from smmbench_leaderboard.study.agreement import krippendorff_alpha
from smmbench_leaderboard.study.answers import AnswerFile, Read
from smmbench_leaderboard.study.bradley_terry import (
    FIRST,
    SECOND,
    TIE,
    Choices,
    Strengths,
    fit,
    win_share,
)
from smmbench_leaderboard.study.plan import Plan, Question, Trial


class Excluded(Stored):
    """An excluded rater, and the part of the rule that applies."""

    rater: str
    why: str


class MethodStrength(Stored):
    """The result of a method on one question.

    Attributes:
        label: Label of the method.
        strength: Log strength; the mean of all methods is 0.
        interval: Interval of the strength, clustered by rater and clip; None if unknown.
        wins: Number of choices for the method.
        ties: Number of choices for neither.
        losses: Number of choices for the other method.
    """

    label: str
    strength: float
    interval: tuple[float, float] | None
    wins: int
    ties: int
    losses: int


class PairDifference(Stored):
    """The comparison of two methods on one question.

    Attributes:
        one: The stronger method.
        other: The weaker method.
        wins: Number of choices for the stronger method.
        ties: Number of choices for neither.
        losses: Number of choices for the weaker method.
        share: Share of wins of the stronger method without ties, according to the model.
        difference: Difference of log strengths.
        interval: Interval of the difference; None if unknown.
    """

    one: str
    other: str
    wins: int
    ties: int
    losses: int
    share: float
    difference: float
    interval: tuple[float, float] | None


class QuestionResult(Stored):
    """The raters' answers to one question.

    Attributes:
        question: Name of the question.
        choices: Number of choices that count.
        ties: Share of ties among them.
        left: Share of side A among choices without ties; .5 if sides do not matter.
        alpha: Krippendorff's alpha of raters who saw the same two methods on the same item.
        methods: Methods, the strongest first.
        pairs: Every two methods that were compared.
        note: Why there are no strengths; empty if there are.
    """

    question: Question
    choices: int
    ties: float
    left: float | None
    alpha: float | None
    methods: tuple[MethodStrength, ...] = ()
    pairs: tuple[PairDifference, ...] = ()
    note: str = ""


class Analysis(Stored):
    """The result of a study.

    Attributes:
        study: Identifier of the study, from the plan.
        title: Title of the study.
        raters: Number of raters who count.
        excluded: Raters excluded by the rule of the plan.
        refused: Descriptions of files that are not valid answers.
        repeated: Number of duplicate files.
        planned: Judgements needed between every two methods, according to the plan.
        questions: One result per question.
    """

    study: str
    title: str
    raters: int
    excluded: tuple[Excluded, ...]
    refused: tuple[str, ...]
    repeated: int
    planned: int
    questions: tuple[QuestionResult, ...]


@dataclass(frozen=True)
class Judgement:
    """One choice, in the order of the study's methods instead of the sides."""

    item: str
    clip: str
    rater: str
    first: int
    second: int
    outcome: int
    side: str


def analyse(plan: Plan, read: Read, level: float = 0.95) -> Analysis:
    """Analyse the answers to a study.

    Args:
        plan: Plan of the study.
        read: Answer files of the study.
        level: Level of the intervals.
    """
    excluded = [
        Excluded(rater=file.rater, why=why)
        for file in read.files
        if (why := why_excluded(plan, file))
    ]
    kept = counted(plan, read)
    return Analysis(
        study=plan.study,
        title=plan.title,
        raters=len(kept),
        excluded=tuple(excluded),
        refused=read.refused,
        repeated=read.repeated,
        planned=plan.planned.judgements,
        questions=tuple(
            _question(plan, question, list(judgements(plan, kept, question)), level)
            for question in plan.questions
        ),
    )


def counted(plan: Plan, read: Read) -> list[AnswerFile]:
    """Return the answer files of raters who satisfy the plan's rule."""
    return [file for file in read.files if not why_excluded(plan, file)]


def why_excluded(plan: Plan, file: AnswerFile) -> str:
    """Return which part of the plan's rule excludes a rater; empty if none does."""
    trials = {trial.id: trial for trial in _trials(plan, file)}
    checks = [trial for trial in trials.values() if trial.check]
    due = len(trials) * len(plan.questions)
    if len(file.answers) < plan.rule.answered * due:
        return f"answered {len(file.answers)} of {due} questions"
    wanted = len(checks) * len(plan.questions)
    right = sum(
        answer.choice == ("a" if trials[answer.trial].a == "right" else "b")
        for answer in file.answers
        if trials[answer.trial].check
    )
    if right < plan.rule.checks * wanted:
        return f"answered {right} of {wanted} checks correctly"
    return ""


def _trials(plan: Plan, file: AnswerFile) -> tuple[Trial, ...]:
    return next(form.trials for form in plan.forms if form.number == file.form)


def judgements(plan: Plan, files: Sequence[AnswerFile], question: Question) -> Iterator[Judgement]:
    """Return the choices of some raters on one question, without checks."""
    order = {label: place for place, label in enumerate(plan.methods)}
    for file in files:
        trials = {trial.id: trial for trial in _trials(plan, file)}
        for answer in file.answers:
            trial = trials[answer.trial]
            if trial.check or answer.question != question:
                continue
            a, b = order[trial.a], order[trial.b]
            chosen = {"a": a, "b": b}.get(answer.choice)
            first, second = min(a, b), max(a, b)
            outcome = TIE if chosen is None else FIRST if chosen == first else SECOND
            clip = plan.items[trial.item].clip
            yield Judgement(trial.item, clip, file.rater, first, second, outcome, answer.choice)


def _question(
    plan: Plan, question: Question, found: Sequence[Judgement], level: float
) -> QuestionResult:
    sides = [one.side for one in found if one.side != "tie"]
    units: dict[tuple[str, int, int], list[int]] = defaultdict(list)
    for one in found:
        units[one.item, one.first, one.second].append(one.outcome)
    result = QuestionResult(
        question=question,
        choices=len(found),
        ties=1 - len(sides) / len(found) if found else 0.0,
        left=sides.count("a") / len(sides) if sides else None,
        alpha=krippendorff_alpha(both_ways(units.values())),
    )
    choices = Choices(
        first=np.array([one.first for one in found], dtype=int),
        second=np.array([one.second for one in found], dtype=int),
        outcome=np.array([one.outcome for one in found], dtype=int),
        rater=[one.rater for one in found],
        clip=[one.clip for one in found],
    )
    try:
        strengths = fit(choices, len(plan.methods), level)
    except ValueError as error:
        return result.model_copy(update={"note": str(error)})
    counts = _counts(found, len(plan.methods))
    methods = [_method(plan, strengths, counts, i) for i in range(len(plan.methods))]
    pairs = [
        _pair(plan, strengths, counts, one, other)
        for one in range(len(plan.methods))
        for other in range(one + 1, len(plan.methods))
        if counts[one, other].sum()
    ]
    update = {
        "methods": tuple(sorted(methods, key=lambda one: -one.strength)),
        "pairs": tuple(sorted(pairs, key=lambda pair: -pair.difference)),
    }
    return result.model_copy(update=update)


def both_ways(units: Iterable[Sequence[int]]) -> list[Sequence[int]]:
    """Add every unit with its methods exchanged, so that agreement does not depend on their order.

    Otherwise a list of methods from best to worst would make one outcome the usual one, and
    agreement on it would look like chance.
    """
    every = list(units)
    return [*every, *([SECOND - outcome for outcome in unit] for unit in every)]


def _counts(found: Sequence[Judgement], methods: int) -> np.ndarray:
    """Count wins, ties and losses of each method against each other: (methods, methods, 3)."""
    counts = np.zeros((methods, methods, 3), dtype=int)
    for one in found:
        counts[one.first, one.second, one.outcome] += 1
        counts[one.second, one.first, SECOND - one.outcome] += 1
    return counts


def _method(plan: Plan, strengths: Strengths, counts: np.ndarray, i: int) -> MethodStrength:
    wins, ties, losses = counts[i].sum(axis=0).tolist()
    return MethodStrength(
        label=plan.methods[i],
        strength=float(strengths.theta[i]),
        interval=strengths.interval(i),
        wins=wins,
        ties=ties,
        losses=losses,
    )


def _pair(
    plan: Plan, strengths: Strengths, counts: np.ndarray, one: int, other: int
) -> PairDifference:
    if strengths.theta[one] < strengths.theta[other]:
        one, other = other, one
    wins, ties, losses = counts[one, other].tolist()
    difference, interval = strengths.difference(one, other)
    return PairDifference(
        one=plan.methods[one],
        other=plan.methods[other],
        wins=wins,
        ties=ties,
        losses=losses,
        share=win_share(strengths, one, other),
        difference=difference,
        interval=interval,
    )
