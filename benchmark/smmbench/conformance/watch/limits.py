"""A limit on how long a call may take."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

AGAIN = 1.0  # seconds to the next try, where code swallowed the first with a bare `except:`


class TimeUpError(BaseException):
    """A call took too long; no `Exception`, so that a method does not catch it."""


@contextmanager
def time_limit(seconds: int | float) -> Iterator[None]:
    """Stop what runs within after some seconds, where the system can.

    It works in the main thread, not on Windows, and not within a single call of compiled code.

    Raises:
        TimeUpError: The time is up.
    """
    if threading.current_thread() is not threading.main_thread() or not hasattr(
        signal, "setitimer"
    ):
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        raise TimeUpError(f"still running after {seconds:g} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
