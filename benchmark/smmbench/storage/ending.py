"""Termination signals as exceptions, so that open files are closed and partial ones removed."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from smmbench.errors import ToldToEndError


@contextmanager
def ending_by_exception() -> Iterator[None]:
    """Turn a signal to end (SIGTERM, SIGHUP) into a `ToldToEndError` of 128 plus its number.

    Without it Python ends at once and leaves open files, and commands that it started, as they
    are. Only the main thread receives signals; in other threads nothing changes. A signal that is
    ignored, like SIGHUP under `nohup`, stays ignored.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number: int, _: FrameType | None) -> None:
        raise ToldToEndError(128 + number)

    known = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    heeded = [number for number in known if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, end) for number in heeded}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
