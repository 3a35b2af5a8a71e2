"""Worker processes that run one call after another, each on its GPU; a dead one is replaced."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
ValueT = TypeVar("ValueT")


class WorkerError(RuntimeError):
    """A worker died, or its call raised; the message says which of them, and how."""


class Worker:
    """One process, started on the first call.

    Each call must be a module-level function with arguments that can be pickled. The process ends
    together with this process, however this one ends.

    Args:
        card: The GPU, as a value of `CUDA_VISIBLE_DEVICES`; empty for none.
        threads: Number of threads for arithmetic.
    """

    def __init__(self, card: str, threads: int) -> None:
        self.card, self.threads = card, threads
        self._process: multiprocessing.process.BaseProcess | None = None
        self._pipe: Connection | None = None
        self._lock = threading.Lock()
        self._stopped = False

    def call(self, do: Callable[P, ValueT], *args: P.args, **kwargs: P.kwargs) -> ValueT:
        """Run a function in the process, and wait for its result.

        Raises:
            WorkerError: The function raised, or the process died; the next call starts a new one.
        """
        pipe = self._started()
        try:
            pipe.send((do, args, kwargs))
            fine, value = pipe.recv()
        except (EOFError, OSError) as error:
            self._end()
            raise WorkerError("the process died") from error
        if not fine:
            raise WorkerError(value)
        result: ValueT = value
        return result

    def kill(self) -> None:
        """End the process immediately, and start no other; a call in progress raises."""
        with self._lock:
            self._stopped = True
            if self._process is not None:
                self._process.kill()

    def _started(self) -> Connection:
        with self._lock:
            if self._stopped:
                raise WorkerError("the run was stopped (time limit or interrupt)")
            if self._pipe is None:
                context = multiprocessing.get_context("spawn")  # PyTorch does not survive a fork
                self._pipe, theirs = context.Pipe()
                self._process = context.Process(
                    target=_serve, args=(theirs, self.card, self.threads), daemon=True
                )
                self._process.start()
                theirs.close()  # otherwise the end of the process would never be noticed
            return self._pipe

    def _end(self) -> None:
        with self._lock:
            if self._process is not None:
                self._process.kill()
                self._process.join()
            if self._pipe is not None:
                self._pipe.close()
            self._process = self._pipe = None


def _serve(pipe: Connection, card: str, threads: int) -> None:
    """Run the calls that come through the pipe, until it is closed."""
    os.environ |= {
        "CUDA_VISIBLE_DEVICES": card,
        "OMP_NUM_THREADS": str(threads),
        "OPENBLAS_NUM_THREADS": str(threads),
    }
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles it and ends this process
    threading.Thread(target=_end_with_parent, daemon=True).start()
    import cv2
    import torch

    torch.set_num_threads(threads)
    cv2.setNumThreads(threads)
    while True:
        try:
            do, args, kwargs = pipe.recv()
        except EOFError:
            return
        try:
            answer: tuple[bool, Any] = True, do(*args, **kwargs)
        except Exception:
            answer = False, traceback.format_exc()
        pipe.send(answer)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
