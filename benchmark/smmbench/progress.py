"""Progress of long loops on stderr: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol, runtime_checkable

from smmbench.display import console, print_line, talk, visible

QUIET_SECONDS = 60.0
"""Without a terminal, steps within an item are reported at most once per this many seconds."""


@runtime_checkable
class Report(Protocol):
    """Called once for each finished item."""

    def __call__(self, text: str, *, failed: bool = False) -> None:
        """Count one item; `text` names it and its outcome."""


_show: Callable[[str], None] | None = None
"""Shows a step of the current item; None where this process reports no progress."""


def step(stage: str, number: int, total: int) -> None:
    """Report the progress of the current item: `inversion 12/50`. Does nothing outside a loop.

    Args:
        stage: What is being done: `inversion`, `sampling`.
        number: Which step begins, counted from 1.
        total: How many there are.
    """
    if _show is not None:
        _show(f"{stage} {number}/{total}")


def starting(text: str) -> None:
    """Announce what begins, before imports that take seconds; without a terminal do nothing."""
    if sys.stderr.isatty():
        print_line(f"{text}: starting", err=True)


def stage(name: str) -> None:
    """Report the stage of the current item if it has no steps: `decoding`."""
    if _show is not None:
        _show(name)


@contextmanager
def progress(total: int, unit: str) -> Iterator[Report]:
    """Yield the reporting function for a loop over `total` items.

    On a terminal, a bar shows the current step. Elsewhere, a first line is printed at once, then a
    line for each item, and occasionally one for a step. With `--quiet`, only failures are printed.

    Args:
        total: The number of items.
        unit: Their name: `pairs`, `videos`.
    """
    global _show
    before = _show
    try:
        if sys.stderr.isatty() and not talk.quiet:
            with _bar(total, unit) as report:
                yield report
        else:
            print_line(f"[0/{total}] {unit}", err=True)
            yield _lines(total, unit)
    finally:
        _show = before


def duration(seconds: float) -> str:
    """Format seconds for people: `0.4 s`, `12 s`, `2 min 05 s`, `3 h 20 min`."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"


def rate(count: int, unit: str, seconds: float) -> str:
    """Format a rate per minute, hour or day, so that the number is at least about 1."""
    for word, length in (("min", 60.0), ("h", 3600.0)):
        if count / seconds * length >= 1:
            return f"{count / seconds * length:.1f} {unit}/{word}"
    return f"{count / seconds * 86400:.1f} {unit}/day"


def _pace(count: int, total: int, unit: str, seconds: float) -> str:
    """Rate and remaining time; empty before the first item is finished."""
    if count == 0 or seconds <= 0:
        return ""
    left = f", {duration(seconds / count * (total - count))} left" if count < total else ""
    return rate(count, unit, seconds) + left


def _lines(total: int, unit: str) -> Report:
    global _show
    begin, count = time.monotonic(), 0
    said = begin

    def report(text: str, *, failed: bool = False) -> None:
        nonlocal count, said
        count += 1
        said = time.monotonic()
        pace = _pace(count, total, unit, said - begin)
        print_line(f"[{count}/{total}] {text} ({pace})", err=True, wrong=failed)

    def show(text: str) -> None:
        nonlocal said
        if time.monotonic() - said >= QUIET_SECONDS:
            said = time.monotonic()
            print_line(f"[{count}/{total}] ... {text}", err=True)

    _show = show
    return report


@contextmanager
def _bar(total: int, unit: str) -> Iterator[Report]:
    from rich.markup import escape
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn
    from rich.text import Text

    global _show
    columns = (
        SpinnerColumn(),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[pace]}"),
        TextColumn("{task.fields[step]}"),
        TextColumn("{task.description}"),
    )
    begin, count = time.monotonic(), 0
    with Progress(*columns, console=console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=total, pace="", step="")

        def report(text: str, *, failed: bool = False) -> None:
            nonlocal count
            count += 1
            pace = _pace(count, total, unit, time.monotonic() - begin)
            talk.write(visible(f"[{count}/{total}] {text} ({pace})"))
            if failed:
                bar.console.print(Text(text, style="red"))
            first = escape(visible(text.splitlines()[0]))
            bar.update(task, advance=1, description=first, pace=pace, step="")

        def show(text: str) -> None:
            bar.update(task, step=escape(visible(text)))

        _show = show
        yield report
