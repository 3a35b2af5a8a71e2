"""`smmbench methods check`: does a method pass the conformance checks?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from smmbench.display import print_json, print_line
from smmbench.options import Device, Json, Preset, Quick, Set, ValidationSet

if TYPE_CHECKING:
    from smmbench.conformance import Checked


def check(
    method: Annotated[str, typer.Argument(help="Name of a method, or path.py:Class.")],
    set: Set = None,
    preset: Preset = None,
    dataset: ValidationSet = "emoji-val",
    device: Device = "auto",
    quick: Quick = False,
    timeout: Annotated[
        float, typer.Option("--timeout", min=1, help="Time limit of one call, in seconds.")
    ] = 600,
    json: Json = False,
) -> None:
    """Run the conformance checks of the interface on a method, and report which ones fail.

    It uses the first two clips of the dataset. --quick makes four transfers instead of about
    fifteen. A warning needs review but is not a failure.

    Exit code: 0 no check fails, 1 a check fails, 2 incorrect usage.
    """
    from smmbench.conformance import CHECKS, check_method
    from smmbench.conformance.findings import Finding
    from smmbench.progress import progress

    total = sum(check.quick or not quick for check in CHECKS)
    with progress(total, "checks", alike=False) as tell:

        def report(finding: Finding) -> None:
            tell(f"{finding.check}: {finding.outcome}", failed=finding.outcome == "broken")

        checked = check_method(
            method,
            preset=preset,
            settings=set or (),
            device=device,
            dataset=dataset,
            quick=quick,
            limit=timeout,
            report=report,
        )
    _print(checked, json)
    raise typer.Exit(1 if checked.broken else 0)


def _print(checked: Checked, json: bool) -> None:
    import dataclasses

    from rich.table import Table
    from rich.text import Text

    from smmbench.display import print_table

    if json:
        content = {"kept": not checked.broken, **dataclasses.asdict(checked)}
        print_json(content)
        return
    styles = {"kept": "green", "warning": "yellow", "broken": "bold red", "skipped": "dim"}
    table = Table("check", "", "what was found", box=None, pad_edge=False)
    for one in checked.findings:
        told = one.said + (f"\n-> {one.advice}" if one.advice else "")
        table.add_row(one.check, Text(one.outcome, style=styles[one.outcome]), Text(told))
    print_table(table)
    print_line()
    print_line(_summary(checked))


def _summary(checked: Checked) -> str:
    from smmbench.progress import duration

    broken = ", ".join(one.check for one in checked.broken)
    warned = sum(one.outcome == "warning" for one in checked.findings)
    told = f"{checked.method} " + (f"fails: {broken}" if broken else "passes every check")
    told += f" ({len(checked.findings)} checks, {warned} warnings, {duration(checked.seconds)})."
    if checked.prepare_seconds is not None and checked.transfer_seconds is not None:
        told += (
            f" On {checked.device}, a clip took {duration(checked.prepare_seconds)} to prepare, a "
            f"video {duration(checked.transfer_seconds)}, and "
            f"{checked.peak_memory_bytes / 2**20:.0f} MiB at the highest."
        )
    return told
