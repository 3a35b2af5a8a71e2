"""Write an analysis for a terminal."""

from __future__ import annotations

from smmbench.display import plain
from smmbench_leaderboard.study.analysing import Analysis, QuestionResult
from smmbench_leaderboard.study.plan import QUESTIONS


def analysis_text(analysis: Analysis) -> str:
    """Write who counts, and for each question strengths, differences, ties and agreement."""
    lines = [
        f"{plain(analysis.title)}: {analysis.raters} raters, {len(analysis.excluded)} excluded, "
        f"{len(analysis.refused)} files refused, {analysis.repeated} repeated."
    ]
    lines += [f"  excluded: {one.rater} {one.why}" for one in analysis.excluded]
    lines += [f"  {sentence}" for sentence in analysis.refused]
    for result in analysis.questions:
        lines += ["", *_question(result, analysis.planned)]
    lines += [
        "",
        "Strengths are log strengths of the Bradley-Terry model with Davidson's ties; their mean "
        "is 0. Intervals are of 95 %, clustered by rater and clip. Share: wins among choices "
        "without ties, according to the model.",
    ]
    return "\n".join(lines) + "\n"


def _question(result: QuestionResult, planned: int) -> list[str]:
    alpha = "unknown" if result.alpha is None else f"{result.alpha:.2f}"
    left = "unknown" if result.left is None else f"{result.left:.2f}"
    lines = [
        QUESTIONS[result.question],
        f"  {result.choices} choices, {100 * result.ties:.0f} % ties, side A {left}, "
        f"Krippendorff's alpha {alpha}",
    ]
    if result.note:
        return [*lines, f"  No strengths: {result.note}"]
    wide = max(len(plain(one.label, 40)) for one in result.methods)
    for one in result.methods:
        lines.append(
            f"  {plain(one.label, 40):<{wide}}  {one.strength:+.2f} {_interval(one.interval):<16}"
            f"  {one.wins} won, {one.ties} tied, {one.losses} lost"
        )
    for pair in result.pairs:
        few = ""
        if (got := pair.wins + pair.ties + pair.losses) < planned:
            few = f"; {got} of {planned} planned judgements"
        lines.append(
            f"  {plain(pair.one, 40)} over {plain(pair.other, 40)}: share {pair.share:.2f}, "
            f"{pair.difference:+.2f} {_interval(pair.interval)}{few}"
        )
    return lines


def _interval(interval: tuple[float, float] | None) -> str:
    return "[unknown]" if interval is None else f"[{interval[0]:+.2f}, {interval[1]:+.2f}]"
