"""Check whether Ray may listen at an address; otherwise Ray itself would retry for minutes."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Sequence

from smmbench.errors import MachineError

SECONDS_TO_ANSWER = 10.0
SECONDS_OF_STATUS = 20.0

STATUS = (sys.executable, "-m", "ray.scripts.scripts", "status")
"""`ray status`, run with the Ray of this Python."""

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
"""First bytes that an HTTP/2 client sends, as Ray's nodes do: RFC 9113, section 3.4."""

HEADER = 9
"""Bytes of a frame header: length (three), type (one), flags (one) and stream (four)."""

SETTINGS = 4
"""Type of the frame with which an HTTP/2 server begins."""


def refuse_other_listeners(address: str, seconds: float = SECONDS_TO_ANSWER) -> None:
    """Refuse an address where nothing listens or answers, or where the answer is not HTTP/2.

    If Ray uses encryption (`RAY_USE_TLS`), only the connection is checked.

    Args:
        address: `HOST:PORT`.
        seconds: Time limit for the connection, and again for the answer.

    Raises:
        MachineError: It cannot be the head of a Ray cluster; the message says why.
    """
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host, int(port)), seconds) as connection:
            encrypted = os.environ.get("RAY_USE_TLS", "0").lower() in ("1", "true")
            answer = None if encrypted else _answer(connection, seconds)
    except (OSError, OverflowError) as error:
        raise MachineError(
            f"No Ray cluster answers at '{address}' ({error}). `ray start --head --port={port}` "
            "on that machine starts one; `ray status` there says whether one runs."
        ) from error
    if answer is None or (len(answer) == HEADER and answer[3] == SETTINGS):
        return
    began = answer.decode("latin-1").strip()
    did = f"answered {began!r}" if answer else f"said nothing for {seconds:g} seconds"
    raise MachineError(
        f"No Ray cluster answers at '{address}': what listens there {did}. The port must be that "
        "of `ray start --head` (6379 by default), not that of the dashboard."
    )


def refuse_silent_head(seconds: float = SECONDS_OF_STATUS, command: Sequence[str] = STATUS) -> None:
    """Refuse the cluster on this machine if its head is dead: then `ray status` hangs.

    If no cluster runs, that command fails at once, and so does Ray, with a better message.

    Args:
        seconds: Time limit for the command.
        command: The command that queries the head.

    Raises:
        MachineError: The command did not end.
    """
    none = subprocess.DEVNULL
    try:
        subprocess.run(command, stdin=none, stdout=none, stderr=none, timeout=seconds, check=False)
    except subprocess.TimeoutExpired as error:
        raise MachineError(
            f"A Ray node runs on this machine, but its head has not answered for {seconds:g} "
            "seconds. `ray stop` ends the node; `ray start` starts it again."
        ) from error


def _answer(connection: socket.socket, seconds: float) -> bytes:
    """The first bytes of an HTTP/2 server's answer, at most a frame header.

    Raises:
        OSError: The other side closed the connection without an answer.
    """
    connection.sendall(PREFACE)
    answer, end = b"", time.monotonic() + seconds
    while len(answer) < HEADER and (left := end - time.monotonic()) > 0:
        connection.settimeout(left)
        try:
            part = connection.recv(HEADER - len(answer))
        except TimeoutError:
            break
        except ConnectionError:
            part = b""
        if not part and not answer:
            raise ConnectionError("it closes the connection")
        if not part:
            break
        answer += part
    return answer
