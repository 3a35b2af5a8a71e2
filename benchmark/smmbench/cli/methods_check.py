"""`smmbench methods check`: does a method keep the contract?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from smmbench.display import print_document, print_line

if TYPE_CHECKING:
    from smmbench.conformance import Checked


def check(
    method: Annotated[str, typer.Argument(help="Name of a method, or path.py:Class.")],
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", help="Set a parameter, for example steps=2; repeatable."
        ),
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(
            envvar="SMMBENCH_PRESET",
            help="A preset of the method; if not given, the one named like the dataset, if any.",
        ),
    ] = None,
    dataset: Annotated[
        str, typer.Option(help="Dataset whose first two clips and prompts it is tried on.")
    ] = "emoji-val",
    device: Annotated[
        str,
        typer.Option(
            envvar="SMMBENCH_DEVICE", help="cpu, cuda, cuda:1, mps; auto takes a GPU if there is."
        ),
    ] = "auto",
    quick: Annotated[
        bool, typer.Option("--quick", help="Four transfers instead of about fifteen.")
    ] = False,
    limit: Annotated[
        float, typer.Option("--timeout", min=1, help="Seconds that one call may take.")
    ] = 600,
    as_json: Annotated[
        bool, typer.Option("--json", envvar="SMMBENCH_JSON", help="Print the findings as JSON.")
    ] = False,
) -> None:
    """Run a method on two clips and say in words which laws of the interface it breaks.

    A warning is for a person to look at and breaks nothing. Exit code: 0 no law is broken, 1 one
    is, 2 wrong use.
    """
    from smmbench.conformance import LAWS, check_method
    from smmbench.conformance.findings import Finding
    from smmbench.progress import progress

    total = sum(law.quick or not quick for law in LAWS)
    with progress(total, "laws") as tell:

        def report(finding: Finding) -> None:
            tell(f"{finding.law}: {finding.outcome}", failed=finding.outcome == "broken")

        checked = check_method(
            method,
            preset=preset,
            settings=settings or (),
            device=device,
            dataset=dataset,
            quick=quick,
            limit=limit,
            report=report,
        )
    _print(checked, as_json)
    raise typer.Exit(1 if checked.broken else 0)


def _print(checked: Checked, as_json: bool) -> None:
    import dataclasses
    import json

    from rich.table import Table
    from rich.text import Text

    from smmbench.display import console

    if as_json:
        content = {"kept": not checked.broken, **dataclasses.asdict(checked)}
        print_document(json.dumps(content, indent=2))
        return
    styles = {"kept": "green", "warning": "yellow", "broken": "bold red", "skipped": "dim"}
    table = Table("law", "", "what was found", box=None, pad_edge=False)
    table.columns[2].overflow = "fold"
    for one in checked.findings:
        told = one.said + (f"\n-> {one.advice}" if one.advice else "")
        table.add_row(one.law, Text(one.outcome, style=styles[one.outcome]), Text(told))
    console().print(table)
    print_line()
    print_line(_summary(checked))


def _summary(checked: Checked) -> str:
    from smmbench.progress import duration

    broken = ", ".join(one.law for one in checked.broken)
    warned = sum(one.outcome == "warning" for one in checked.findings)
    told = f"{checked.method} " + (f"breaks: {broken}" if broken else "keeps the contract")
    told += f" ({len(checked.findings)} laws, {warned} warnings, {duration(checked.seconds)})."
    if checked.prepare_seconds is not None and checked.transfer_seconds is not None:
        told += (
            f" On {checked.device}, a clip took {duration(checked.prepare_seconds)} to prepare, a "
            f"video {duration(checked.transfer_seconds)}, and "
            f"{checked.peak_memory_bytes / 2**20:.0f} MiB at the highest."
        )
    return told
