"""A verification as Markdown, for the author of a submission and for the organisers."""

from __future__ import annotations

from smmbench.display import markdown
from smmbench_leaderboard.formats.verifying import report_text
from smmbench_leaderboard.join.terms import FOLDER
from smmbench_leaderboard.join.verifying import Verification

SHOWN = 20
MEANINGS = {
    "verified": "Its scores were recomputed from its videos, and match the claimed ones.",
    "differs": "Its videos are valid, but their recomputed scores differ from its scores.",
    "unscored": "Its videos are valid, but not every score can be computed here.",
    "refused": "It cannot be accepted as it is.",
}


def summary_text(found: Verification) -> str:
    """Write the outcome of a submission, the reasons, and the next steps."""
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
            "Next: the author fixes it and pushes to the same pull request. "
            f"`{FOLDER}/README.md` describes how to test everything beforehand."
        ]
    if found.waits:
        return [f"The rules do not allow an entry today: {markdown(found.waits, 500)}"]
    return [
        "The rules allow an entry today. An organiser who agrees merges the announcement, and adds "
        "the entry from the report that was made on the main branch:",
        "",
        f"    smmbench ledger add report/{found.name}/verification.json --name {found.entry}",
        "    smmbench ledger seal",
    ]
