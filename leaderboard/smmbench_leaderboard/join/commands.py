"""`smmbench join`: announce a submission by pull request, and verify announcements."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from smmbench.display import plain, print_document, print_line
from smmbench.display.commands import Commands
from smmbench.display.examples import examples
from smmbench.options import DatasetFilter, Device, Json, Output, OutputOrDefault
from smmbench_leaderboard.join.terms import AGREEMENT, FOLDER

Ledger = Annotated[
    Path, typer.Option("--ledger", envvar="SMMBENCH_LEDGER", help="Folder of the ledger.")
]
Announced = Annotated[
    Path, typer.Argument(help=f"An announcement, such as {FOLDER}/my-method.toml.")
]
Loopback = Annotated[
    bool,
    typer.Option(
        "--loopback",
        envvar="SMMBENCH_LOOPBACK",
        help="Also accept an archive from http://127.0.0.1, to test everything before publishing.",
    ),
]
HERE = Path("leaderboard/entries")
EXAMPLES = {
    "new": ["smmbench join new submission.zip --url https://example.org/submission.zip --agree"],
    "check": ["smmbench join check leaderboard/submissions/my-method.toml"],
    "verify": [
        "smmbench join verify leaderboard/submissions/my-method.toml",
        "smmbench join verify leaderboard/submissions/my-method.toml --device cuda",
    ],
    "review": ["smmbench join review --base main --head my-branch --output report/ --alone"],
    "list": ["smmbench join list", "smmbench join list leaderboard/submissions"],
}


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    join = typer.Typer(
        cls=Commands,
        no_args_is_help=True,
        help="Announce submissions by pull request, and verify them.",
        epilog=examples("smmbench join check leaderboard/submissions/my-method.toml"),
    )
    for command in (new, check, verify, review, list_):
        name = command.__name__.rstrip("_")
        join.command(name, epilog=examples(*EXAMPLES[name]))(command)
    app.add_typer(join, name="join")


def new(
    archive: Annotated[Path, typer.Argument(help="An archive that `smmbench submit` made.")],
    url: Annotated[
        str,
        typer.Option("--url", help="Public https address of the archive."),
    ],
    agree: Annotated[
        bool, typer.Option("--agree", help=f'Agree to this statement: "{AGREEMENT}"')
    ] = False,
    output: OutputOrDefault = None,
    loopback: Loopback = False,
) -> None:
    """Write the announcement of an archive, by default leaderboard/submissions/METHOD.toml."""
    from smmbench_leaderboard.join.addresses import UNSTATED, addresses
    from smmbench_leaderboard.join.announcing import announce
    from smmbench_leaderboard.submission.archive import names_and_file
    from smmbench_leaderboard.submission.opening import read_list
    from smmbench_leaderboard.submission.packing import MANIFEST

    if not agree:
        raise ValueError(f'An announcement states: "{AGREEMENT}" If you agree, add --agree.')
    if output is None:
        name = read_list(names_and_file(archive, MANIFEST)[1]).method
        output = Path(FOLDER) / f"{name}.toml"
    said = announce(archive, url, output, loopback)
    print_line(
        f"{said.method} on {said.dataset}, {said.size} bytes, sha256 {said.sha256}", err=True
    )
    where = addresses().get("Repository", f"the repository ({UNSTATED})")
    print_line(f"Wrote {output}. Next: add it by a pull request to {where}.")


def check(announcement: Announced, json: Json = False, loopback: Loopback = False) -> None:
    """Check an announcement, without downloading anything.

    Exit code: 0 valid, 1 something in it is wrong, 2 incorrect usage.
    """
    from smmbench_leaderboard.join.announcement import AnnouncementError, read_announcement

    try:
        said = read_announcement(announcement, loopback)
    except AnnouncementError as error:
        for fault in error.faults:
            print_line(f"{announcement}: {plain(fault, 500)}", err=True, wrong=True)
        raise typer.Exit(1) from error
    if json:
        print_document(said.model_dump_json(indent=1) + "\n")
    else:
        print_line(f"{announcement}: sound. {said.method} on {said.dataset}, {said.size} bytes.")


def verify(
    announcement: Announced,
    output: Output = Path("report"),
    dataset: DatasetFilter = None,
    device: Device = "auto",
    ledger: Ledger = HERE,
    loopback: Loopback = False,
) -> None:
    """Download what an announcement names, check it, recompute its scores, and write a report.

    The report is OUTPUT/NAME: report.json, summary.md, and verification.json for `ledger add`.

    Exit code: 0 verified; 1 rejected, its scores differ, or they cannot be computed here.
    """
    from datetime import UTC, datetime

    from smmbench.environment import choose_device
    from smmbench_leaderboard.join.reviewing import write_reports
    from smmbench_leaderboard.join.summary import summary_text
    from smmbench_leaderboard.join.verifying import verify_announced

    found = verify_announced(
        announcement,
        ledger,
        datetime.now(UTC).date(),
        dataset=dataset,
        device=choose_device(device),
        loopback=loopback,
        progress=lambda step: print_line(step, err=True),
    )
    write_reports(output / found.name, found)
    print_document(summary_text(found))
    raise typer.Exit(0 if found.outcome == "verified" else 1)


def review(
    base: Annotated[str, typer.Option("--base", help="Commit that the change is merged into.")],
    head: Annotated[str, typer.Option("--head", help="Commit of the change.")],
    output: Output = Path("report"),
    alone: Annotated[
        bool,
        typer.Option("--alone", help="Reject a change that touches anything but one announcement."),
    ] = False,
    dataset: DatasetFilter = None,
    device: Device = "auto",
    ledger: Ledger = HERE,
    loopback: Loopback = False,
) -> None:
    """Verify what a change adds, in the clone that is the working folder.

    The files of the change are read as data and never executed. OUTPUT/summary.md has the result.

    Exit code: 0 everything is verified, 1 something is not.
    """
    from datetime import UTC, datetime

    from smmbench.environment import choose_device
    from smmbench_leaderboard.join.reviewing import review as reviewed

    found = reviewed(
        Path(),
        base,
        head,
        ledger,
        output,
        datetime.now(UTC).date(),
        alone=alone,
        dataset=dataset,
        device=choose_device(device),
        loopback=loopback,
        progress=lambda step: print_line(step, err=True),
    )
    print_document(found.text)
    raise typer.Exit(0 if found.sound else 1)


def list_(
    folder: Annotated[Path, typer.Argument(help="Folder of the announcements.")] = Path(FOLDER),
    ledger: Ledger = HERE,
) -> None:
    """List the announced submissions: which are pending, and which are ledger entries."""
    from smmbench_leaderboard.join.listing import standings

    if not folder.is_dir():
        raise ValueError(f"No folder '{folder}' of announcements; run this in a clone, or name it.")
    found = list(standings(folder, ledger))
    for one in found:
        print_line("  ".join([one.name, one.entry or "waits", one.became]).rstrip())
    if not found:
        print_line(f"No submission is announced in '{folder}'.", err=True)
