"""`smmbench ledger`: add, withdraw, correct, seal, list and check entries."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from smmbench.display import print_line
from smmbench.display.commands import Commands
from smmbench.display.examples import examples
from smmbench.options import Name, accepting
from smmbench_leaderboard.ledger.location import PUBLISHED
from smmbench_leaderboard.ledger.tiers import LOWEST, Tier

Ledger = Annotated[
    Path, typer.Option("--ledger", envvar="SMMBENCH_LEDGER", help="Folder of the ledger.")
]
Read = Annotated[
    Path | None,
    typer.Option(
        "--ledger",
        envvar="SMMBENCH_LEDGER",
        help="Folder of the ledger, or `published` for the one that came with smmbench. Default: "
        "leaderboard/entries, as in a clone, or if it is not there, the published one.",
    ),
]
Of = Annotated[str, typer.Argument(help="Path of an entry in the ledger, as shown by `list`.")]
Reason = Annotated[str, typer.Option("--reason", help="Reason, in one sentence.")]
By = Annotated[str, typer.Option("--by", help="Name of the person responsible.")]
Until = Annotated[
    Tier,
    typer.Argument(help="The new tier: self-reported, recomputed, regenerated or organisers."),
]
Row = Annotated[str, typer.Option("--row", help="Label of a row. Default: all rows.")]
HERE = Path("leaderboard/entries")
_ENTRY = "emoji/2026-11-22-board.board.xz"
_WHO = "--by 'A. Organiser'"
EXAMPLES = {
    "add": [
        "smmbench ledger add board.json --name 2026-12-01-my-method",
        f"smmbench ledger add report.json --name 2026-12-01-my-method --tier recomputed {_WHO}",
    ],
    "seal": ["smmbench ledger seal"],
    "list": ["smmbench ledger list", "smmbench ledger list --rows --ledger copies/entries"],
    "show": [f"smmbench ledger show {_ENTRY}"],
    "check": ["smmbench ledger check"],
    "withdraw": [
        f"smmbench ledger withdraw {_ENTRY} --name 2026-12-01-withdrawal --row smm "
        f"--reason 'Another clip was read.' {_WHO}"
    ],
    "correct": [
        f"smmbench ledger correct {_ENTRY} emoji/2026-11-24-board.board.xz "
        f"--name 2026-12-01-correction --reason 'Computed again.' {_WHO}"
    ],
    "tier": [
        f"smmbench ledger tier {_ENTRY} organisers --name 2026-12-01-tier "
        f"--reason 'Organisers ran it.' {_WHO}"
    ],
}


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    ledger = typer.Typer(
        cls=Commands,
        no_args_is_help=True,
        help="Maintain the ledger of published boards.",
        epilog=examples("smmbench ledger list", "smmbench ledger check"),
    )
    for command in (add, seal, list_, show, check):
        name = command.__name__.rstrip("_")
        ledger.command(name, epilog=examples(*EXAMPLES[name]))(command)
    respelled = accepting({"--method": "--row"})
    for name, notice in (("withdraw", withdraw), ("correct", correct), ("tier", change_tier)):
        ledger.command(name, cls=respelled, epilog=examples(*EXAMPLES[name]))(notice)
    app.add_typer(ledger, name="ledger")


def add(
    board: Annotated[
        Path, typer.Argument(help="A board as JSON, or the report of `verify --json`.")
    ],
    name: Name,
    tier: Annotated[
        Tier,
        typer.Option(
            "--tier",
            help="Trust tier of its rows. A report of `verify` is `recomputed`; `regenerated` and "
            "`organisers` need --by.",
        ),
    ] = LOWEST,
    override: Annotated[
        str,
        typer.Option(
            "--override", help="Reason for an exception from quota or cool-down; needs --by."
        ),
    ] = "",
    by: By = "",
    ledger: Ledger = HERE,
) -> None:
    """Add a board under a new name that begins with today's date; nothing is ever replaced.

    A method or contact may add 3 entries on a dataset in 90 days, 14 days apart. --by names the
    organiser who assigns a tier or an exception.
    """
    from datetime import UTC, datetime

    from smmbench_leaderboard.ledger.adding import add_board
    from smmbench_leaderboard.ledger.entries import EntryFacts
    from smmbench_leaderboard.ledger.policy import refuse_other_days

    if not override:
        refuse_other_days(name, datetime.now(UTC).date())
    facts = EntryFacts(tier=tier, override=override, by=by)
    path = add_board(ledger, name, board, facts)
    print_line(f"Wrote {path}, {path.stat().st_size} bytes.", err=True)


def withdraw(
    of: Of,
    name: Name,
    reason: Reason,
    by: By,
    row: Row = "",
    media_removed: Annotated[
        bool, typer.Option("--media-removed", help="State that its videos were taken down.")
    ] = False,
    ledger: Ledger = HERE,
) -> None:
    """Withdraw an entry, or a row of it, by a new entry; the old one stays."""
    from smmbench_leaderboard.ledger.entries import Notice, add_notice

    notice = Notice(of=of, method=row, reason=reason, by=by, media_removed=media_removed)
    print_line(f"Wrote {add_notice(ledger, name, notice)}.", err=True)


def correct(
    of: Of,
    replaced_by: Annotated[str, typer.Argument(help="Path of the entry that applies instead.")],
    name: Name,
    reason: Reason,
    by: By,
    row: Row = "",
    ledger: Ledger = HERE,
) -> None:
    """State which entry applies instead of another, by a new entry; both stay."""
    from smmbench_leaderboard.ledger.entries import Notice, add_notice

    notice = Notice(of=of, method=row, replaced_by=replaced_by, reason=reason, by=by)
    print_line(f"Wrote {add_notice(ledger, name, notice)}.", err=True)


def change_tier(
    of: Of,
    to: Until,
    name: Name,
    reason: Reason,
    by: By,
    row: Row = "",
    ledger: Ledger = HERE,
) -> None:
    """Change the trust tier of an entry, or of a row of it, by a new entry."""
    from smmbench_leaderboard.ledger.entries import Notice, add_notice

    notice = Notice(of=of, method=row, tier=to, reason=reason, by=by)
    print_line(f"Wrote {add_notice(ledger, name, notice)}.", err=True)


def seal(ledger: Ledger = HERE) -> None:
    """Add new entries to the chain; the person who merges does this, to avoid conflicts."""
    from smmbench_leaderboard.ledger.chain import seal as sealed

    for link in sealed(ledger):
        print_line(f"{link.sha256}  {link.path}")


def list_(
    rows: Annotated[bool, typer.Option("--rows", help="One line per row instead.")] = False,
    ledger: Read = None,
) -> None:
    """List every entry with the number of its rows, their trust tier and their current state.

    Rows of an entry that differ in tier or state have a line of their own.
    """
    from smmbench_leaderboard.ledger.listing import lines_of

    for line in lines_of(_folder(ledger), by_row=rows):
        print_line(line)


def show(of: Of, ledger: Read = None) -> None:
    """Print the board of an entry as JSON, as it was added."""
    import json

    from smmbench.display import print_document
    from smmbench.plugins import no_such
    from smmbench_leaderboard.ledger.entries import read_board

    folder = _folder(ledger)
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.board.xz"))
    if of not in names:
        raise LookupError(no_such("board in this ledger", of, names))
    print_document(json.dumps(read_board(folder / of), indent=1, allow_nan=False) + "\n")


def check(ledger: Read = None) -> None:
    """Check that every entry is unchanged since it was sealed, also in git's history.

    Exit code: 0 unchanged, 1 an entry was edited or removed, is not sealed, or is not readable.
    """
    from smmbench_leaderboard.ledger.chain import faults_of, history_faults
    from smmbench_leaderboard.ledger.entries import notices_of, read_board

    ledger = _folder(ledger)
    faults = faults_of(ledger)
    edited, skipped = history_faults(ledger)
    for path in sorted(ledger.rglob("*.board.xz")):
        try:
            read_board(path)
        except ValueError as error:
            faults.append(str(error))
    try:
        notices_of(ledger)
    except ValueError as error:
        faults.append(str(error))
    for line in [*faults, *edited]:
        print_line(line)
    if skipped:
        print_line(skipped, err=True)
    if faults or edited:
        raise typer.Exit(1)
    print_line(f"{ledger}: every entry is unchanged since it was sealed.")


def _folder(ledger: Path | None) -> Path:
    """Return the folder of a ledger; by default that of this clone, or else the published one."""
    from smmbench_leaderboard.ledger.location import ledger_folder

    return ledger_folder(ledger or (HERE if HERE.is_dir() else Path(PUBLISHED)))
