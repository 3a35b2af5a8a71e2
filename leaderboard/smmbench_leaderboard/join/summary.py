"""A verification in Markdown, for the author of a submission and for who decides on it."""

from __future__ import annotations

from smmbench.display import markdown
from smmbench_leaderboard.formats.verifying import report_text
from smmbench_leaderboard.join.terms import FOLDER
from smmbench_leaderboard.join.verifying import Verification

SHOWN = 20
MEANINGS = {
    "verified": "Its scores were computed again from its videos, and are the claimed ones.",
    "differs": "Its videos are sound, but its scores are not those that they get.",
    "unscored": "Its videos are sound, but not every number can be had here.",
    "refused": "It goes no further as it is.",
}


def summary_text(found: Verification) -> str:
    """Write what became of a submission, why, and what comes next."""
    lines = [f"## {markdown(found.name)}: {found.outcome}", "", MEANINGS[found.outcome]]
    if found.announcement is not None:
        said = found.announcement
        lines += [
            "",
            f"{markdown(said.method)} on {markdown(said.dataset)}, {said.size} bytes, "
            f"sha256 `{said.sha256}`, from {markdown(said.archive, 300)}",
        ]
    if found.problems:
        lines += ["", *(f"- {markdown(problem, 400)}" for problem in found.problems[:SHOWN])]
        if len(found.problems) > SHOWN:
            lines.append(f"- and {len(found.problems) - SHOWN} more in report.json")
    if found.report is not None and found.outcome != "refused":
        lines += ["", *(f"    {line}" for line in report_text(found.report).splitlines())]
    return "\n".join([*lines, "", *_next(found), ""])


def _next(found: Verification) -> list[str]:
    if found.outcome != "verified":
        return [
            "Next: the author repairs it and pushes to the same pull request. "
            f"`{FOLDER}/README.md` says how to try all of it before."
        ]
    if found.waits:
        return [f"The rules allow no entry today: {markdown(found.waits, 500)}"]
    return [
        "The rules allow an entry today. An organiser who agrees merges the announcement, and adds "
        "the entry from the report that was made on the main branch:",
        "",
        f"    smmbench ledger add report/{found.name}/verification.json --name {found.entry}",
        "    smmbench ledger seal",
    ]
