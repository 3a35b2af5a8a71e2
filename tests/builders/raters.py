"""Raters who are simulated: their choices follow known strengths, and depend on rater and clip."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from smmbench_leaderboard.study.bradley_terry import Choices
from smmbench_leaderboard.study.plan import Form, Plan


def outcome_shares(theta: Sequence[float], tie: float, one: int, other: int) -> np.ndarray:
    """Chances that the first wins, that neither does, and that the second wins (Davidson)."""
    a, b = np.exp(theta[one]), np.exp(theta[other])
    parts = np.array([a, tie * np.sqrt(a * b), b])
    return parts / parts.sum()


def simulated_choices(
    theta: Sequence[float],
    tie: float,
    raters: int,
    clips: int,
    trials: int,
    alike: float,
    rng: np.random.Generator,
) -> Choices:
    """Choices of which each alone follows the model, while those of one rater or clip go together.

    With a chance of `alike`, a choice is drawn by a number of its rater for these two methods, with
    the same chance by one of the clip, and otherwise by a number of its own.
    """
    k = len(theta)
    of_rater, of_clip = rng.random((raters, k, k)), rng.random((clips, k, k))
    first, second, outcome, names, of = [], [], [], [], []
    for rater in range(raters):
        for _ in range(trials):
            one, other = sorted(rng.choice(k, 2, replace=False).tolist())
            clip = int(rng.integers(clips))
            kind = rng.random()
            drawn = rng.random()
            if kind < alike:
                drawn = of_rater[rater, one, other]
            elif kind < 2 * alike:
                drawn = of_clip[clip, one, other]
            shares = outcome_shares(theta, tie, one, other)
            first.append(one)
            second.append(other)
            outcome.append(int(np.searchsorted(np.cumsum(shares)[:2], drawn, side="right")))
            names.append(f"rater {rater}")
            of.append(f"clip {clip}")
    return Choices(np.array(first), np.array(second), np.array(outcome), names, of)


def answer_file(
    plan: Plan,
    form: Form,
    theta: dict[str, float],
    rng: np.random.Generator,
    tie: float = 0.4,
    attentive: bool = True,
) -> dict[str, Any]:
    """What the browser of a simulated rater would download."""
    answers = []
    for trial in form.trials:
        for question in plan.questions:
            if trial.check and attentive:
                choice = "a" if trial.a == "right" else "b"
            elif trial.check:
                choice = "b" if trial.a == "right" else "a"
            else:
                shares = outcome_shares([theta[trial.a], theta[trial.b]], tie, 0, 1)
                choice = str(rng.choice(["a", "tie", "b"], p=shares))
            answers.append(
                {"trial": trial.id, "question": question, "choice": choice, "milliseconds": 4000}
            )
    return {
        "schema_version": 1,
        "study": plan.study,
        "form": form.number,
        "rater": rng.bytes(8).hex(),
        "consent": True,
        "answers": answers,
    }
