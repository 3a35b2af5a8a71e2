"""What a metric is worth against people, in sentences."""

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
        else "It is not shown to be better than chance.",
        f"Left out: {found.ties} ties, and {found.unscored} of videos without a score.",
    ]
    for control in found.controls:
        near = "comes near" if control.near else "stays below"
        said = " (allowed)" if control.allowed and control.near else ""
        lines.append(
            f"Control {control.label}, mean {number(control.mean)}, {near} the best method, "
            f"{found.best}{said}."
        )
    if found.dropped:
        lines.append("Dropped: a metric under which a control comes near the best ranks nothing.")
    elif not found.controls:
        lines.append("No control is in these results, so that nothing is said of the gate.")
    return "\n".join(plain(line, longest=400) for line in lines) + "\n"
