"""The command line: one module per command, no logic, heavy imports inside the commands."""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path
from typing import Annotated

import typer

from smmbench import __version__
from smmbench.cli.group import Group
from smmbench.display import prepare_streams, print_line, talk
from smmbench.display.examples import examples
from smmbench.errors import BrokenFileError, in_words
from smmbench.plugins import load_offered, offered
from smmbench.storage.ending import ending_by_exception

app = typer.Typer(
    name="smmbench",
    cls=Group,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=examples(
        "smmbench run --method smm --dataset emoji-wan --preset emoji-wan-fast --limit 2",
        "smmbench score results/",
        "smmbench leaderboard results/",
    ),
)


def _version(asked: bool) -> bool:
    if asked:
        print_line(f"smmbench {__version__}")
        raise typer.Exit
    return asked  # Typer hands on what a callback returns


@app.callback()
def _smmbench(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version and exit."
    ),
    quiet: Annotated[
        bool, typer.Option("--quiet", envvar="SMMBENCH_QUIET", help="Print errors only.")
    ] = False,
    log_file: Annotated[
        Path | None,
        typer.Option(
            "--log-file",
            envvar="SMMBENCH_LOG_FILE",
            help="Also append everything printed to standard error to this file, with timestamps.",
        ),
    ] = None,
) -> None:
    """Run, score and rank methods of text-driven video motion transfer.

    --quiet and --log-file may also follow the command.
    """
    talk.quiet, talk.log = quiet, log_file


# Each module adds its commands to `app`; a module imports nothing heavy at its top.
from smmbench.cli import (  # noqa: E402
    datasets,
    doctor,
    import_,
    invert,
    methods,
    metrics,
    run,
    score,
    score_pair,
    selftest,
    sheet,
    status,
    trackers,
    tune,
)

for module in (
    *(run, status, score, score_pair, tune, import_, sheet, invert),
    *(datasets, methods, metrics, trackers, doctor, selftest),
):
    module.register(app)


def _add_offered() -> None:
    """Add the commands of other distributions; broken ones are reported and skipped."""
    for name in offered("smmbench.commands"):
        try:
            load_offered("smmbench.commands", name, "command")(app)
        except Exception as error:  # another distribution's function may raise anything
            print_line(f"smmbench: the commands of '{name}' are skipped: {error}", err=True)


_add_offered()


def _show_warning(message: Warning | str, *_: object, **__: object) -> None:
    """Print a warning as one line, without the source line that raised it."""
    print_line(f"warning: {' '.join(str(message).split())}", err=True, wrong=True)


def main() -> None:
    """Run the command line: exit code 0 all done, 1 something failed, 2 incorrect usage.

    Errors that a user can fix (`ValueError`, `LookupError`, `OSError`, `ImportError`) are one
    sentence on standard error; a file with unexpected content is not incorrect usage, so its code
    is 1. Anything else is a defect and keeps its traceback. On SIGTERM or SIGHUP, partially written
    files are removed; the code is 128 plus the signal's number.
    """
    prepare_streams()
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # NumPy's: numbers are those of any machine
    warnings.showwarning = _show_warning
    try:
        with ending_by_exception():
            app()
    except KeyboardInterrupt:  # before the command began, or in one that does not say how to go on
        print_line("Stopped.", err=True)
        sys.exit(130)
    except (ValueError, LookupError, OSError, ImportError) as error:
        if isinstance(error, (KeyError, IndexError)):
            raise  # an inner mistake, not a name that a user gave
        print_line(f"smmbench: {in_words(error)}", err=True, wrong=True)
        sys.exit(1 if isinstance(error, BrokenFileError) else 2)
