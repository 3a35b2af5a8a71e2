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

SETTLING_SECONDS = 3.0
"""Several processes give their first items at once; for so long that says nothing of the rate."""


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
def progress(
    total: int, unit: str, loading: bool = False, alike: bool = True, work: str = ""
) -> Iterator[Report]:
    """Yield the reporting function for a loop over `total` items.

    On a terminal, a bar shows the current step. Elsewhere, a first line is printed at once, then a
    line for each item, and occasionally one for a step. With `--quiet`, only failures are printed.

    Args:
        total: The number of items.
        unit: Their name: `pairs`, `videos`.
        loading: The first item waits for models to load, so rates count from its end.
        alike: The items take about equally long; of others no rate and time left is shown.
        work: What is done, for the first line of a log that several commands may share.
    """
    global _show
    before = _show
    try:
        if sys.stderr.isatty() and not talk.quiet:
            with _bar(_Count(total, unit, loading, alike)) as report:
                yield report
        else:
            print_line(f"[0/{total}] {unit}" + (f": {work}" if work else ""), err=True)
            yield _lines(_Count(total, unit, loading, alike))
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


class _Count:
    """Counts finished items, and says how fast they come: rate and remaining time."""

    def __init__(self, total: int, unit: str, loading: bool, alike: bool) -> None:
        self.total, self.unit, self.loading, self.alike = total, unit, loading, alike
        self.done, self.counted, self.begin = 0, 0, time.monotonic()

    def one(self, text: str) -> str:
        """Count one item and give its line."""
        self.done += 1
        if self.loading and self.done == 1:
            self.begin = time.monotonic()
        else:
            self.counted += 1
        pace = self.pace()
        return f"[{self.done}/{self.total}] {text}" + (f" ({pace})" if pace else "")

    def pace(self) -> str:
        """Rate and remaining time; empty while nothing can be said."""
        seconds = time.monotonic() - self.begin
        settling = seconds <= (SETTLING_SECONDS if self.loading else 0)
        if not self.alike or self.counted == 0 or settling:
            return ""
        left = self.total - self.done
        said = f", {duration(seconds / self.counted * left)} left" if left else ""
        return rate(self.counted, self.unit, seconds) + said


def _lines(count: _Count) -> Report:
    global _show
    said = time.monotonic()

    def report(text: str, *, failed: bool = False) -> None:
        nonlocal said
        said = time.monotonic()
        print_line(count.one(text), err=True, wrong=failed)

    def show(text: str) -> None:
        nonlocal said
        if time.monotonic() - said >= QUIET_SECONDS:
            said = time.monotonic()
            print_line(f"[{count.done}/{count.total}] ... {text}", err=True)

    _show = show
    return report


@contextmanager
def _bar(count: _Count) -> Iterator[Report]:
    from rich.markup import escape
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn
    from rich.table import Column
    from rich.text import Text

    global _show
    there = console(stderr=True)
    what_is_left = Column(ratio=1, no_wrap=True, overflow="ellipsis")
    columns = (
        SpinnerColumn(),
        *([BarColumn(min(40, there.width // 6))] if there.width >= 80 else []),  # numbers first
        MofNCompleteColumn(),
        TextColumn("{task.fields[pace]}"),
        TextColumn("{task.fields[step]}"),
        TextColumn("{task.description}", table_column=what_is_left),
    )
    with Progress(*columns, console=there, transient=True, expand=True) as bar:
        task = bar.add_task("", total=count.total, pace="", step="")

        def report(text: str, *, failed: bool = False) -> None:
            talk.write(visible(count.one(text)))
            if failed:
                bar.console.print(Text(text, style="red"))
            first = escape(visible(text.splitlines()[0]))
            bar.update(task, advance=1, description=first, pace=count.pace(), step="")

        def show(text: str) -> None:
            bar.update(task, step=escape(visible(text)))

        _show = show
        yield report
