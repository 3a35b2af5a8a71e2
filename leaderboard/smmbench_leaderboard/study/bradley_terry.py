"""Strengths of methods from choices between two, with ties.

Davidson (On Extending the Bradley-Terry Model to Accommodate Ties in Paired Comparison
Experiments, JASA 65, 1970): with strengths pi and a tie parameter nu, where S is
pi_i + pi_j + nu sqrt(pi_i pi_j),

    P(i beats j) = pi_i / S,    P(tie) = nu sqrt(pi_i pi_j) / S.

In theta = log pi and eta = log nu this is a multinomial logit whose log-likelihood is concave, and
without ties it is the model of Bradley and Terry (Biometrika 39, 1952). Intervals use the sandwich
estimator with two-way clustering, by rater and by clip: V_rater + V_clip - V_both (Cameron, Gelbach
and Miller, Robust Inference with Multiway Clustering, JBES 29, 2011), with Student's t of the
smaller number of clusters less one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.optimize import minimize
from scipy.special import logsumexp, stdtrit

PRIOR_SD = 5.0
"""Standard deviation of a normal prior on each log strength: wide enough to have no effect, except
that a method that won or lost every choice has a finite strength."""

FIRST, TIE, SECOND = 0, 1, 2
"""Outcomes: the first method won, a tie, the second method won."""


@dataclass(frozen=True, eq=False)
class Choices:
    """Choices between two methods.

    Attributes:
        first: Index of the first method.
        second: Index of the second method.
        outcome: `FIRST`, `TIE` or `SECOND`.
        rater: Index of the rater.
        clip: Index of the source clip.
    """

    first: Int[np.ndarray, " n"]
    second: Int[np.ndarray, " n"]
    outcome: Int[np.ndarray, " n"]
    rater: Sequence[str]
    clip: Sequence[str]


@dataclass(frozen=True, eq=False)
class Strengths:
    """Strengths of methods, fitted to choices.

    Attributes:
        theta: Log strength of each method; their mean is 0.
        tie: Log of the tie parameter; None if nobody chose a tie.
        covariance: Covariance of theta, clustered by rater and clip; NaN with a single rater or
            clip.
        reach: Quantile of Student's t for the intervals.
    """

    theta: Float[np.ndarray, " k"]
    tie: float | None
    covariance: Float[np.ndarray, "k k"]
    reach: float

    def interval(self, method: int) -> tuple[float, float] | None:
        """Return the interval of a log strength; None if a single cluster leaves it unknown."""
        return self._around(self.theta[method], self.covariance[method, method])

    def difference(self, one: int, other: int) -> tuple[float, tuple[float, float] | None]:
        """Return the difference of two log strengths, with its interval."""
        v = self.covariance
        variance = v[one, one] + v[other, other] - 2 * v[one, other]
        value = float(self.theta[one] - self.theta[other])
        return value, self._around(value, variance)

    def _around(self, value: float, variance: float) -> tuple[float, float] | None:
        if not np.isfinite(variance):
            return None
        half = self.reach * float(np.sqrt(max(variance, 0.0)))
        return float(value) - half, float(value) + half


def fit(choices: Choices, methods: int, level: float = 0.95) -> Strengths:
    """Fit log strengths to choices, with intervals clustered by rater and clip.

    Args:
        choices: The choices; at least one.
        methods: Number of methods.
        level: Level of the intervals.

    Raises:
        ValueError: There are no choices, or no choices connect some of the methods, whose strengths
            then have no common scale.
    """
    if not len(choices.outcome):
        raise ValueError("There are no choices to fit.")
    _refuse_islands(choices, methods)
    tied = bool((choices.outcome == TIE).any())
    design = _design(choices, methods, tied)  # (n, 3, parameters)
    penalty = np.zeros(design.shape[2])
    penalty[:methods] = PRIOR_SD**-2
    chosen = design[np.arange(len(choices.outcome)), choices.outcome]

    def objective(beta: np.ndarray) -> tuple[float, np.ndarray]:
        utility = _utility(design, beta, tied)
        total = logsumexp(utility, axis=1)
        share = np.exp(utility - total[:, None])
        score = chosen - np.einsum("no,nop->np", share, design)
        loss = (total - utility[np.arange(len(total)), choices.outcome]).sum()
        return loss + penalty @ beta**2 / 2, -score.sum(axis=0) + penalty * beta

    start = np.zeros(design.shape[2])
    beta = minimize(objective, start, jac=True, method="L-BFGS-B", tol=1e-12).x
    share = np.exp(_utility(design, beta, tied))
    share /= share.sum(axis=1, keepdims=True)
    mean = np.einsum("no,nop->np", share, design)
    centred = design - mean[:, None]
    information = np.einsum("no,nop,noq->pq", share, centred, centred) + np.diag(penalty)
    scores = chosen - mean
    clusters = min(len(set(choices.rater)), len(set(choices.clip)))
    centre = np.eye(methods) - 1 / methods  # strengths are determined up to a constant
    inverse = np.linalg.pinv(information)
    covariance = inverse @ _meat(scores, choices) @ inverse
    within = centre @ covariance[:methods, :methods] @ centre
    return Strengths(
        theta=centre @ beta[:methods],
        tie=float(beta[methods]) if tied else None,
        covariance=within,
        reach=float(stdtrit(max(1, clusters - 1), (1 + level) / 2)),
    )


def win_share(strengths: Strengths, one: int, other: int) -> float:
    """Return the share of wins of one method over another among choices without ties."""
    return float(1 / (1 + np.exp(strengths.theta[other] - strengths.theta[one])))


def _design(choices: Choices, methods: int, tied: bool) -> Float[np.ndarray, "n 3 p"]:
    """Return rows whose product with the parameters is the utility of each outcome."""
    n = len(choices.outcome)
    design = np.zeros((n, 3, methods + tied))
    every = np.arange(n)
    design[every, FIRST, choices.first] = 1
    design[every, SECOND, choices.second] = 1
    design[every, TIE, choices.first] += 0.5
    design[every, TIE, choices.second] += 0.5
    if tied:
        design[:, TIE, methods] = 1
    return design


def _utility(
    design: Float[np.ndarray, "n 3 p"], beta: Float[np.ndarray, " p"], tied: bool
) -> Float[np.ndarray, "n 3"]:
    utility = design @ beta
    if not tied:
        utility[:, TIE] = -np.inf
    return utility


def _meat(scores: Float[np.ndarray, "n p"], choices: Choices) -> Float[np.ndarray, "p p"]:
    """Return V_rater + V_clip - V_both of the scores; NaN with a single rater or clip."""
    both = [f"{rater}\0{clip}" for rater, clip in zip(choices.rater, choices.clip, strict=True)]
    one, other, overlap = (
        _clustered(scores, names) for names in (choices.rater, choices.clip, both)
    )
    # If that is not positive semidefinite, the overlap is not subtracted, which is conservative.
    meat = one + other - overlap
    return meat if np.linalg.eigvalsh(_finite(meat)).min() >= -1e-9 else one + other


def _finite(matrix: Float[np.ndarray, "p p"]) -> Float[np.ndarray, "p p"]:
    return matrix if np.isfinite(matrix).all() else np.eye(len(matrix))


def _clustered(
    scores: Float[np.ndarray, "n p"], clusters: Sequence[str]
) -> Float[np.ndarray, "p p"]:
    names, place = np.unique(np.asarray(clusters), return_inverse=True)
    if len(names) < 2:
        return np.full((scores.shape[1],) * 2, np.nan)
    sums = np.zeros((len(names), scores.shape[1]))
    np.add.at(sums, place, scores)
    return sums.T @ sums * len(names) / (len(names) - 1)


def _refuse_islands(choices: Choices, methods: int) -> None:
    group = list(range(methods))
    for one, other in zip(choices.first.tolist(), choices.second.tolist(), strict=True):
        kept, lost = group[one], group[other]
        group = [kept if name == lost else name for name in group]
    if len(set(group)) > 1:
        raise ValueError(
            "No choices connect some of the methods, so that their strengths have no common scale."
        )
