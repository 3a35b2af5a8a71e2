"""`smmbench selftest`: check that controls score as expected."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from smmbench.display import print_json, print_line
from smmbench.display.examples import examples
from smmbench.options import Json, OutputOrDefault, Quick

if TYPE_CHECKING:
    from smmbench.selftest import Finding


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command(
        "selftest",
        epilog=examples("smmbench selftest --quick", "smmbench selftest --output selftest/"),
    )(selftest)


def selftest(
    quick: Quick = False,
    output: OutputOrDefault = None,
    json: Json = False,
) -> None:
    """Check that controls score as expected and numbers repeat.

    Runs and scores the controls on a few clips on the CPU, with separate caches; --quick skips
    those that need the embedded text-to-video model. Videos and scores are kept only if --output
    names a new folder.

    Exit code: 0 every check holds, 1 a check fails and is named, 2 incorrect usage.
    """
    from dataclasses import asdict
    from tempfile import TemporaryDirectory

    from smmbench.selftest import examine

    findings: list[Finding] = []
    with TemporaryDirectory() as temporary:
        if output is not None:
            output.mkdir(parents=True)
        for finding in examine(output or Path(temporary), quick):
            findings.append(finding)
            print_line(f"{finding.check}: {'holds' if finding.holds else 'BROKEN'}", err=True)
    broken = [finding.check for finding in findings if not finding.holds]
    if json:
        rows = [asdict(finding) for finding in findings]
        print_json({"holds": not broken, "checks": rows})
    else:
        _print_findings(findings)
    said = f"Broken: {', '.join(broken)}." if broken else "Every check holds."
    print_line(said, err=True)
    raise typer.Exit(1 if broken else 0)


def _print_findings(findings: list[Finding]) -> None:
    from rich.table import Table
    from rich.text import Text

    from smmbench.display import print_table

    table = Table("check", "", "expected, and what was found instead", box=None)
    for finding in findings:
        state = Text("holds", "green") if finding.holds else Text("BROKEN", "red")
        said = finding.statement if finding.holds else f"{finding.statement} Found: {finding.found}"
        table.add_row(Text(finding.check), state, Text(said))
    print_table(table)
