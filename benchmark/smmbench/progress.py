"""Telling how far a long loop is: a bar on a terminal, plain lines elsewhere; on stderr."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol, runtime_checkable

from smmbench.display import console, print_line, visible


@runtime_checkable
class Report(Protocol):
    """Called once for each thing that is finished."""

    def __call__(self, text: str, *, failed: bool = False) -> None:
        """Count one; `text` says which, and how it went."""


@contextmanager
def progress(total: int, unit: str) -> Iterator[Report]:
    """Give the function to report with while a loop over `total` things runs.

    Args:
        total: How many there will be.
        unit: What they are called: `pairs`, `videos`.
    """
    if sys.stderr.isatty():
        with _bar(total, unit) as report:
            yield report
    else:
        yield _lines(total, unit)


def duration(seconds: float) -> str:
    """Seconds as a person says them: `0.4 s`, `12 s`, `2 min 05 s`, `3 h 20 min`."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"


def _pace(count: int, total: int, unit: str, seconds: float) -> str:
    """Rate and time left; no promise before the first is finished."""
    if count == 0 or seconds <= 0:
        return ""
    rate = f"{60 * count / seconds:.1f} {unit}/min"
    left = f", {duration(seconds / count * (total - count))} left" if count < total else ""
    return rate + left


def _lines(total: int, unit: str) -> Report:
    begin, count = time.monotonic(), 0

    def report(text: str, *, failed: bool = False) -> None:
        nonlocal count
        count += 1
        pace = _pace(count, total, unit, time.monotonic() - begin)
        print_line(f"[{count}/{total}] {text} ({pace})", err=True)

    return report


@contextmanager
def _bar(total: int, unit: str) -> Iterator[Report]:
    from rich.markup import escape
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn
    from rich.text import Text

    columns = (
        SpinnerColumn(),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[pace]}"),
        TextColumn("{task.description}"),
    )
    begin, count = time.monotonic(), 0
    with Progress(*columns, console=console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=total, pace="")

        def report(text: str, *, failed: bool = False) -> None:
            nonlocal count
            count += 1
            if failed:
                bar.console.print(Text(text, style="red"))
            pace = _pace(count, total, unit, time.monotonic() - begin)
            first = escape(visible(text.splitlines()[0]))
            bar.update(task, advance=1, description=first, pace=pace)

        yield report
