"""Run a command that may fail, hang, flood its log or leave child processes behind."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from smmbench.errors import CommandError, FailureKind, raise_if_machine
from smmbench.external.call.log import Log, last_words
from smmbench.storage.ending import ending_by_exception

GRACE = 5.0  # seconds between asking a process group to end and killing it
OUT_OF_MEMORY = (b"OutOfMemoryError", b"CUDA out of memory", b"CUBLAS_STATUS_ALLOC_FAILED")


def run_commands(
    commands: Sequence[Sequence[str]],
    *,
    folder: Path,
    environment: Mapping[str, str],
    seconds: float,
    log: Log,
) -> None:
    """Run commands in order, without a shell, within a time limit.

    Each command leads its own process group. When it exits or reaches the limit, or when this
    process is stopped, the whole group is terminated.

    Args:
        commands: The words of each command.
        folder: The working folder.
        environment: All of its environment variables.
        seconds: Time limit for all commands together.
        log: Receives what they print.

    Raises:
        CommandError: A command did not end with exit code 0 in time; the error contains the log.
    """
    if os.name == "nt":
        raise CommandError("Official code runs on Linux and macOS only: it needs process groups.")
    end = time.monotonic() + seconds
    with ending_by_exception():
        _run_all(commands, folder, environment, end, seconds, log)


def _run_all(
    commands: Sequence[Sequence[str]],
    folder: Path,
    environment: Mapping[str, str],
    end: float,
    seconds: float,
    log: Log,
) -> None:
    for command in commands:
        log.add(f"$ {' '.join(command)}\n".encode("utf-8", "replace"))
        code = _run(command, folder, environment, end, log)
        log.add(f"\n[exit code {code}]\n".encode())
        if code is None:
            raise _error(command, f"took longer than {seconds:g} s and was stopped", log, True)
        if code < 0:
            raise _error(command, f"was terminated by {_signal(-code)}", log)
        if code:
            raise _error(command, f"exited with code {code}", log)


def _run(
    command: Sequence[str], folder: Path, environment: Mapping[str, str], end: float, log: Log
) -> int | None:
    """Run one command; return its exit code, or None if the time limit was reached."""
    try:
        process = subprocess.Popen(
            list(command),
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        raise_if_machine(error)
        raise CommandError(f"'{command[0]}' does not start: {error}.", log=log.content()) from error
    assert process.stdout is not None
    pipe = process.stdout.fileno()
    os.set_blocking(pipe, False)
    try:
        with selectors.DefaultSelector() as waiting:
            waiting.register(pipe, selectors.EVENT_READ)
            while process.poll() is None:
                left = end - time.monotonic()
                if left <= 0:
                    return None
                if not waiting.get_map():
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        process.wait(min(left, 0.2))
                elif waiting.select(min(left, 0.2)) and not _read(pipe, log):
                    waiting.unregister(pipe)  # it closed its output and continues
        return process.returncode
    finally:
        _end_group(process)
        for _ in range(1000):  # the rest of the pipe, which an escaped process may keep filling
            if not _read(pipe, log):
                break
        process.stdout.close()


def _read(pipe: int, log: Log) -> bool:
    """Read what is available; return False at the end of the output or if nothing is available."""
    try:
        some = os.read(pipe, 65536)
    except BlockingIOError:
        return False
    log.add(some)
    return bool(some)


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """End the process and its group: first ask them to end, then kill them.

    A second Ctrl-C during the wait kills them at once.
    """
    try:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(GRACE)
    finally:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _error(command: Sequence[str], what: str, log: Log, late: bool = False) -> CommandError:
    content = log.content()
    kind: FailureKind = "method-error"
    if late:
        kind = "time-limit"
    elif any(sign in content[-65536:] for sign in OUT_OF_MEMORY):
        kind = "out-of-memory"
    program = " ".join(Path(word).name for word in command[:2])
    printed = content.rsplit(b"\n[exit code", 1)[0]
    said = last_words(printed)
    return CommandError(
        f"`{program}` {what}; the end of its log: {said or 'nothing'}", kind, content
    )


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
