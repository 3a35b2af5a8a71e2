"""`smmbench selftest`: whether numbers stand where they must."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from smmbench.display import print_json, print_line
from smmbench.options import Json, OutputOrDefault, Quick

if TYPE_CHECKING:
    from smmbench.selftest import Finding


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("selftest")(selftest)


def selftest(
    quick: Quick = False,
    output: OutputOrDefault = None,
    json: Json = False,
) -> None:
    """Try on the embedded world that every control stands where it belongs and numbers repeat.

    Makes and scores the controls of a few clips on the CPU, with caches of its own; --quick leaves
    out those that the embedded text-to-video model makes. Videos and scores are kept only if
    --output names a new folder for them.

    Exit code: 0 every check holds, 1 one is broken and named, 2 wrong use.
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

    from smmbench.display import console

    table = Table("check", "", "what must be so, and what was found instead", box=None)
    table.columns[2].overflow = "fold"
    for finding in findings:
        state = Text("holds", "green") if finding.holds else Text("BROKEN", "red")
        said = finding.statement if finding.holds else f"{finding.statement} Found: {finding.found}"
        table.add_row(Text(finding.check), state, Text(said))
    console().print(table)
