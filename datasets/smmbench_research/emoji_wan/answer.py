r"""Answer the registered question from the rows of the test: differences at equal text.

    python -m smmbench_research.emoji_wan.answer DIR/test.jsonl

`datasets/docs/emoji-wan-question.md` fixes what is compared and how. A method with a strength is
taken along its curve: of its settings those that no other one of it beats in both text and motion
(which favours it), joined by straight lines in order of their mean text similarity. Where lines are
mixed, so are the scores of each pair, with the same weights, and the bootstrap draws source clips.

Against a method without a strength, SMM also has to be no worse in text by more than the margin:
the whole 95 % interval of the difference in text has to lie above -MARGIN, else the comparison
stays open.
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
    """A setting's scores, pair by pair in one order for all settings.

    Attributes:
        text: Text similarity.
        motion: Motion fidelity; where it could not be computed, the metric's worst.
    """

    text: Values
    motion: Values


@dataclass(frozen=True)
class Comparison:
    """SMM against one method.

    Attributes:
        method: The other one.
        at: Which of its settings: a label, or two and the weight of the second.
        text: Difference in text similarity, SMM minus the other.
        motion: Difference in motion fidelity.
        p: That the difference in motion is the margin; two-sided, after Holm's correction.
        verdict: "holds", "refuted" or "open".
    """

    method: str
    at: str
    text: Estimate
    motion: Estimate
    p: float
    verdict: str


def read(path: Path, text: str = TEXT) -> tuple[dict[str, Scores], list[str]]:
    """Scores of each label, and the source clip of each pair.

    Args:
        path: Rows, a line each.
        text: The metric of text; that of the question, or another to see how much depends on it.

    Raises:
        ValueError: Two labels have not the same pairs.
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
    """Labels that no other one beats in both means, from the lowest text to the highest."""
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
    """A method along its curve at a mean text similarity.

    Beyond an end of the curve its end counts: the highest text where all of it lies below.
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
    """SMM against every method of the hypothesis."""
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
    """Whether a difference in text similarity, SMM minus the other, allows the comparison.

    A method with a strength is compared at equal text as it is.
    """
    if method in WITH_STRENGTH:
        return True
    return (text.mean if text.interval is None else text.interval[0]) > -MARGIN


def verdict(difference: float, p: float, *, equal_text: bool = True) -> str:
    """What a difference in motion says of the hypothesis, given p against the margin."""
    if p >= LEVEL:
        return "open"
    if difference <= MARGIN:
        return "refuted"
    return "holds" if equal_text else "open"


def holm(ps: Sequence[float]) -> list[float]:
    """Holm's step-down correction (1979): chance of any false claim among all, at most."""
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
