"""The process of the `smmbench` command: Ctrl-C ends it without a traceback at any moment.

Python raises `KeyboardInterrupt` at any point, including the import of the command line and exit
handlers, where no command can catch it. So the system's default handling of Ctrl-C, which ends a
process silently (a shell reports 130), is active before and after the command line. Where Python
drops an exception, in a callback of a collected object, the interrupt is repeated.
"""

from __future__ import annotations

import signal
import sys
import threading

MOMENT = 0.01
"""Seconds after which a dropped interrupt is repeated: by then the callback has returned."""


def main() -> None:
    """Run the command line as the only work of this process.

    If the parent process ignores Ctrl-C for this process, as `nohup` and shells do for background
    jobs, nothing changes.
    """
    heeded = signal.getsignal(signal.SIGINT) is not signal.SIG_IGN
    if heeded:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        sys.unraisablehook = _repeat_interrupt
    from smmbench.cli import main as run_command_line

    try:
        if heeded:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        run_command_line()
    except KeyboardInterrupt:  # a second Ctrl-C, while the first one was being handled
        sys.exit(130)
    finally:
        if heeded:
            signal.signal(signal.SIGINT, signal.SIG_DFL)


def _repeat_interrupt(dropped: sys.UnraisableHookArgs) -> None:
    """Report an exception that Python drops; a Ctrl-C is sent again instead.

    It is sent as a signal, which also ends a system call that the main thread waits for. On a busy
    machine it may arrive here, where it would be dropped too; then it is sent once more.
    """
    if not issubclass(dropped.exc_type, KeyboardInterrupt):
        sys.__unraisablehook__(dropped)
        return
    main_thread = threading.main_thread().ident
    assert main_thread is not None
    while True:
        try:  # no context manager: nothing may be called after the last statement
            threading.Timer(MOMENT, signal.pthread_kill, (main_thread, signal.SIGINT)).start()
            return
        except KeyboardInterrupt:
            continue


if __name__ == "__main__":
    main()
