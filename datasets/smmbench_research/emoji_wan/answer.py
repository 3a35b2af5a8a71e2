r"""Answer the preregistered question from the rows of the test: differences at equal text.

    python -m smmbench_research.emoji_wan.answer DIR/test.jsonl

`datasets/docs/emoji-wan-question.md` states what is compared and how. A method with a strength is
represented by its curve: those of its settings that no other setting beats in both text and motion
(which favours the method), joined by straight lines in order of mean text similarity. Between two
settings, the scores of each pair are mixed with the same weights, and the bootstrap resamples
source clips.

Against a method without a strength, SMM must also not be worse in text by more than the margin: the
entire 95 % interval of the difference in text must be above -MARGIN, or else the comparison is
open.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from smmbench.metrics.registry import metric
from smmbench.statistics import Estimate, mean_interval, paired_difference
from smmbench_research.emoji_wan.question import WITH_STRENGTH

MARGIN = 0.02
LEVEL = 0.05
SEED = 0
TEXT, MOTION = "text_similarity", "motion_fidelity"
COMPARED = ("inversion-swap", "sdedit", "flow-edit", "flow-motion", "text-only")
Values = Float[np.ndarray, " pair"]


@dataclass(frozen=True)
class Scores:
    """Scores of a setting by pair, in the same order for all settings.

    Attributes:
        text: Text similarity.
        motion: Motion fidelity; the metric's worst value if it could not be computed.
    """

    text: Values
    motion: Values


@dataclass(frozen=True)
class Comparison:
    """SMM compared with one method.

    Attributes:
        method: The other method.
        at: Setting of the method: a label, or two labels and the weight of the second.
        text: Difference in text similarity, SMM minus the other.
        motion: Difference in motion fidelity.
        p: Two-sided p-value against a motion difference of the margin, after Holm's correction.
        verdict: "holds", "refuted" or "open".
    """

    method: str
    at: str
    text: Estimate
    motion: Estimate
    p: float
    verdict: str


def read(path: Path, text: str = TEXT) -> tuple[dict[str, Scores], list[str]]:
    """Read the scores of each label, and the source clip of each pair.

    Args:
        path: File of rows, one per line.
        text: Text metric: that of the question, or another one to test the dependence on it.

    Raises:
        ValueError: Two labels have different pairs.
    """
    rows: dict[str, dict[tuple[str, str, int], tuple[float, float]]] = {}
    for line in path.read_text("utf-8").splitlines():
        row = json.loads(line)
        first, second = (
            metric(name).worst if row[name] is None else float(row[name]) for name in (text, MOTION)
        )
        values = (first, second)
        rows.setdefault(row["label"], {})[row["clip"], row["edit"], row["seed"]] = values
    pairs = sorted(next(iter(rows.values())))
    for label, found in rows.items():
        if sorted(found) != pairs:
            raise ValueError(f"'{label}' has other pairs than the rest: {len(found)} of them.")
    table = {label: np.array([found[pair] for pair in pairs]) for label, found in rows.items()}
    clips = [clip for clip, _, _ in pairs]
    return {label: Scores(values[:, 0], values[:, 1]) for label, values in table.items()}, clips


def frontier(settings: Mapping[str, Scores]) -> list[str]:
    """Return labels that no other beats in both means, from the lowest text to the highest."""
    points = {label: (s.text.mean(), s.motion.mean()) for label, s in settings.items()}
    best = [
        label
        for label, (text, motion) in points.items()
        if not any(
            t >= text and m >= motion and (t, m) != (text, motion) for t, m in points.values()
        )
    ]
    return sorted(best, key=lambda label: points[label][0])


def at_equal_text(settings: Mapping[str, Scores], text: float) -> tuple[Scores, str]:
    """Return a method's point on its curve at a mean text similarity.

    Beyond the curve, its end counts: the highest text if the whole curve is below.
    """
    line = frontier(settings)
    levels = [float(settings[label].text.mean()) for label in line]
    if text >= levels[-1] or len(line) == 1:
        return settings[line[-1]], line[-1]
    if text <= levels[0]:
        return settings[line[0]], line[0]
    upper = next(k for k, level in enumerate(levels) if level > text)
    a, b = settings[line[upper - 1]], settings[line[upper]]
    w = (text - levels[upper - 1]) / (levels[upper] - levels[upper - 1])
    mixed = Scores((1 - w) * a.text + w * b.text, (1 - w) * a.motion + w * b.motion)
    return mixed, f"{line[upper - 1]} and {line[upper]} ({w:.2f})"


def compare(scores: Mapping[str, Scores], clips: Sequence[str]) -> list[Comparison]:
    """Compare SMM with every method of the hypothesis."""
    smm = scores["smm"]
    found = []
    for method in COMPARED:
        settings = {
            label: s
            for label, s in scores.items()
            if (label.startswith(f"{method}-") if method in WITH_STRENGTH else label == method)
        }
        other, at = at_equal_text(settings, float(smm.text.mean()))
        text = mean_interval(smm.text - other.text, clips, SEED)
        motion = mean_interval(smm.motion - other.motion, clips, SEED)
        p = paired_difference(smm.motion - MARGIN, other.motion, clips, SEED).p
        found.append((method, at, text, motion, 1.0 if p is None else p))
    corrected = holm([p for *_, p in found])
    return [
        Comparison(*one[:4], p, verdict(one[3].mean, p, equal_text=equal_text(one[0], one[2])))
        for one, p in zip(found, corrected, strict=True)
    ]


def equal_text(method: str, text: Estimate) -> bool:
    """Return whether a difference in text similarity, SMM minus the other, allows the comparison.

    A method with a strength is compared at equal text anyway.
    """
    if method in WITH_STRENGTH:
        return True
    return (text.mean if text.interval is None else text.interval[0]) > -MARGIN


def verdict(difference: float, p: float, *, equal_text: bool = True) -> str:
    """Return the verdict on the hypothesis from a difference in motion and its p-value."""
    if p >= LEVEL:
        return "open"
    if difference <= MARGIN:
        return "refuted"
    return "holds" if equal_text else "open"


def holm(ps: Sequence[float]) -> list[float]:
    """Holm's step-down correction (1979), which bounds the probability of any false claim."""
    order = sorted(range(len(ps)), key=lambda k: ps[k])
    corrected, highest = [0.0] * len(ps), 0.0
    for rank, k in enumerate(order):
        highest = max(highest, min(1.0, (len(ps) - rank) * ps[k]))
        corrected[k] = highest
    return corrected


def main() -> None:
    """Print both tables as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", type=Path, help="test.jsonl")
    parser.add_argument("--text", default=TEXT, help="metric of text (default: %(default)s)")
    options = parser.parse_args()
    scores, clips = read(options.rows, options.text)
    print(
        "| method | at | text, difference | motion, difference | p | |\n|---|---|--:|--:|--:|---|"
    )
    for one in compare(scores, clips):
        cells = [_told(one.text), _told(one.motion), f"{one.p:.4f}", one.verdict]
        print(f"| {one.method} | {one.at} | {' | '.join(cells)} |")
    print(f"\n| row | {options.text} | {MOTION} |\n|---|--:|--:|")
    for label in sorted(scores):
        means = (mean_interval(v, clips, SEED) for v in (scores[label].text, scores[label].motion))
        print(f"| {label} | {' | '.join(_told(mean) for mean in means)} |")


def _told(estimate: Estimate) -> str:
    interval = estimate.interval
    told = "" if interval is None else f" ({interval[0]:+.3f} to {interval[1]:+.3f})"
    return f"{estimate.mean:+.3f}{told}"


if __name__ == "__main__":
    main()
