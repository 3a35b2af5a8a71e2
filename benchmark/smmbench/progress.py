"""Telling how far a long loop is: a bar on a terminal, plain lines elsewhere; on stderr."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol, runtime_checkable

from smmbench.display import console, print_line, talk, visible

QUIET_SECONDS = 60.0
"""Without a terminal, steps within a thing are said at most once in so many seconds."""


@runtime_checkable
class Report(Protocol):
    """Called once for each thing that is finished."""

    def __call__(self, text: str, *, failed: bool = False) -> None:
        """Count one; `text` says which, and how it went."""


_show: Callable[[str], None] | None = None
"""Shows a step of the thing in hand; None where no progress is told in this process."""


def step(stage: str, number: int, total: int) -> None:
    """Say how far the thing in hand is: `inversion 12/50`. Nothing happens where nobody looks.

    Args:
        stage: What is being done: `inversion`, `sampling`.
        number: Which step begins, counted from 1.
        total: How many there are.
    """
    if _show is not None:
        _show(f"{stage} {number}/{total}")


def starting(text: str) -> None:
    """Say on a terminal what begins, before imports that take seconds; nothing elsewhere."""
    if sys.stderr.isatty():
        print_line(f"{text}: starting", err=True)


def stage(name: str) -> None:
    """Say what is being done to the thing in hand, where it has no steps: `decoding`."""
    if _show is not None:
        _show(name)


@contextmanager
def progress(total: int, unit: str) -> Iterator[Report]:
    """Give the function to report with while a loop over `total` things runs.

    On a terminal a bar shows the step in hand; elsewhere a first line comes at once, a line for
    each thing, and now and then one for a step. Under `--quiet` only failures are said.

    Args:
        total: How many there will be.
        unit: What they are called: `pairs`, `videos`.
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
    """Seconds as a person says them: `0.4 s`, `12 s`, `2 min 05 s`, `3 h 20 min`."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"


def rate(count: int, unit: str, seconds: float) -> str:
    """How many in a minute, an hour or a day, so that the number is at least about 1."""
    for word, length in (("min", 60.0), ("h", 3600.0)):
        if count / seconds * length >= 1:
            return f"{count / seconds * length:.1f} {unit}/{word}"
    return f"{count / seconds * 86400:.1f} {unit}/day"


def _pace(count: int, total: int, unit: str, seconds: float) -> str:
    """Rate and time left; no promise before the first is finished."""
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
