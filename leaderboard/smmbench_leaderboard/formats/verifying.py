"""Write the report of a verification for a terminal."""

from __future__ import annotations

from smmbench.display import plain
from smmbench_leaderboard.formats.table import number
from smmbench_leaderboard.submission.verification import Report

VERDICTS = {
    "verified": "verified: everything matches.",
    "differs": "differs: its videos are valid, but their recomputed scores differ from its scores.",
    "unscored": "unscored: its videos are valid, but not every score can be computed here.",
    "refused": "refused: something in it does not match.",
}
SHOWN = 10  # maximum number of listed problems, warnings and differing claims


def _first(lines: list[str]) -> list[str]:
    """Return the first lines of many, and the number of the others."""
    more = [f"... and {len(lines) - SHOWN} more; --json lists all."] if len(lines) > SHOWN else []
    return lines[:SHOWN] + more


def report_text(report: Report) -> str:
    """Write the verdict, its basis, and where claims differ."""
    lines = [f"{VERDICTS[report.verdict]} (sha256 {report.archive_sha256})"]
    if submission := report.submission:
        lines.append(
            f"{submission.method} on {submission.dataset} version {submission.dataset_version}: "
            f"{submission.done} done, {submission.failed} failed, {submission.missing} missing "
            f"of {submission.expected} pairs."
        )
    lines += _first([f"problem: {problem}" for problem in report.problems])
    lines += _first([f"warning: {warning}" for warning in report.warnings])
    if report.board:
        (row,) = report.board.rows
        for column in (column for column in report.board.columns if column.scored):
            lines.append(f"{column.title}: {number(row.cells[column.name].mean)} (recomputed)")
    if report.largest_difference is not None:
        lines.append(
            f"{len(report.claims)} claimed numbers, largest difference "
            f"{report.largest_difference:.2g}, tolerance {report.tolerance:g}."
        )
    differing = [claim for claim in report.claims if claim.difference > report.tolerance]
    headlines_first = sorted(differing, key=lambda claim: (claim.detail != "", -claim.difference))
    for claim in headlines_first[:SHOWN]:
        name = f"{claim.metric} {claim.detail}".strip()
        lines.append(
            f"{claim.pair}: {name} claimed {claim.claimed:.6f}, is {claim.recomputed:.6f}."
        )
    if len(differing) > SHOWN:
        lines.append(f"... and {len(differing) - SHOWN} more; --json gives all.")
    return "\n".join(plain(line, longest=400) for line in lines) + "\n"
