"""Agreement of a metric with human judgements, in sentences."""

from __future__ import annotations

from smmbench.display import plain
from smmbench_leaderboard.board.validation import Validation
from smmbench_leaderboard.formats.table import number


def validation_text(found: Validation) -> str:
    """Write the agreement, what was left out, and the gate of controls, a sentence a line."""
    low, high = (number(end) for end in found.interval or (None, None))
    lines = [
        f"{found.metric} prefers what people prefer in {number(found.agreement)} of "
        f"{found.choices} {found.kind if found.kind == 'choices' else 'pairs of rated videos'} "
        f"[{low}, {high}] over {found.clips} clips; chance is 0.5.",
        "Its interval lies above chance."
        if found.beats_chance
        else "It is not significantly better than chance.",
        f"Excluded: {found.ties} ties, and {found.unscored} judgements of videos without a score.",
    ]
    for control in found.controls:
        near = "comes close to" if control.near else "stays below"
        said = " (allowed)" if control.allowed and control.near else ""
        lines.append(
            f"Control {control.label}, mean {number(control.mean)}, {near} the best method, "
            f"{found.best}{said}."
        )
    if found.dropped:
        lines.append("Rejected: under this metric, a control comes close to the best method.")
    elif not found.controls:
        lines.append("These results contain no control, so the check of controls was not done.")
    return "\n".join(plain(line, longest=400) for line in lines) + "\n"
