"""Processes that do one thing after another, each on its GPU; one that dies is replaced."""

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
    """A worker died, or what it did raised; the message says which, and how."""


class Worker:
    """One process, started when it is first needed.

    What it does must be a function of a module, with arguments that can be pickled. It ends when
    this process does, however that ends.

    Args:
        card: The GPU as CUDA knows it; empty: none.
        threads: That it may use for its arithmetic.
    """

    def __init__(self, card: str, threads: int) -> None:
        self.card, self.threads = card, threads
        self._process: multiprocessing.process.BaseProcess | None = None
        self._pipe: Connection | None = None
        self._lock = threading.Lock()
        self._stopped = False

    def call(self, do: Callable[P, ValueT], *args: P.args, **kwargs: P.kwargs) -> ValueT:
        """Do something there and wait for it.

        Raises:
            WorkerError: It raised, or the process died; the next call starts another one.
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
        """End the process at once, and start no other; a call that waits for it raises."""
        with self._lock:
            self._stopped = True
            if self._process is not None:
                self._process.kill()

    def _started(self) -> Connection:
        with self._lock:
            if self._stopped:
                raise WorkerError("the time was over")
            if self._pipe is None:
                context = multiprocessing.get_context("spawn")  # PyTorch does not outlive a fork
                self._pipe, theirs = context.Pipe()
                self._process = context.Process(
                    target=_serve, args=(theirs, self.card, self.threads), daemon=True
                )
                self._process.start()
                theirs.close()  # else its end would never be noticed
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
    """Do what comes through the pipe, until it is closed."""
    os.environ |= {
        "CUDA_VISIBLE_DEVICES": card,
        "OMP_NUM_THREADS": str(threads),
        "OPENBLAS_NUM_THREADS": str(threads),
    }
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent is told too, and ends this one
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
