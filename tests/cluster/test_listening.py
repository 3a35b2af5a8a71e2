"""What listens at an address is refused before Ray tries it for minutes."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import SimpleNamespace

import pytest

from smmbench.cluster.connection import connected
from smmbench.cluster.listening import (
    HEADER,
    PREFACE,
    refuse_other_listeners,
    refuse_silent_head,
)
from smmbench.errors import MachineError

SETTINGS = bytes([0, 0, 6, 4, 0, 0, 0, 0, 0]) + bytes([0, 4, 0, 64, 0, 0])
"""Begins HTTP/2 on the other side: one setting, the size of its window."""


@contextmanager
def listening(talk: Callable[[socket.socket], None]) -> Iterator[str]:
    """An address where each connection is talked to, then closed; ends with the test."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with suppress(OSError), server.accept()[0] as connection:
                talk(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        thread.join(10)


def until_it_hangs_up(connection: socket.socket) -> None:
    while connection.recv(100):
        pass


def test_a_server_of_http_2_is_let_be_asked_by_ray() -> None:
    heard = []

    def talk(connection: socket.socket) -> None:
        heard.append(connection.recv(len(PREFACE), socket.MSG_WAITALL))
        for start in range(0, len(SETTINGS), 4):  # it may arrive in parts
            connection.sendall(SETTINGS[start : start + 4])
        until_it_hangs_up(connection)

    with listening(talk) as address:
        refuse_other_listeners(address)
    assert heard == [PREFACE] and PREFACE.startswith(b"PRI * HTTP/2.0")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "answered 'HTTP/1.1'"),
        (b"SSH-2.0-x\r\n", "answered 'SSH-2.0-x'"),
        (b"\0" * HEADER, "answered"),
        (b"\x1b[2J", r"answered '\\x1b\[2J'"),  # never sent to a terminal as it is
    ],
)
def test_another_server_is_refused(answer: bytes, said: str) -> None:
    def talk(connection: socket.socket) -> None:
        connection.recv(len(PREFACE), socket.MSG_WAITALL)
        connection.sendall(answer)

    with (
        listening(talk) as address,
        pytest.raises(MachineError, match=f"what listens there {said}"),
    ):
        refuse_other_listeners(address)


def test_silence_is_refused() -> None:
    with (
        listening(until_it_hangs_up) as address,
        pytest.raises(MachineError, match=r"what listens there said nothing for 0\.2 seconds"),
    ):
        refuse_other_listeners(address, seconds=0.2)


def test_a_closed_port_and_a_closed_connection_are_refused() -> None:
    with (
        listening(lambda connection: None) as address,
        pytest.raises(MachineError, match="No Ray cluster answers at"),
    ):
        refuse_other_listeners(address)
    with pytest.raises(MachineError, match=r"No Ray cluster answers at .* refused"):
        refuse_other_listeners(address)


def test_a_server_that_speaks_http_2_but_is_no_head_is_said_to_listen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Only Ray itself can tell it from a head."""

    def init(**_: object) -> None:
        raise ConnectionError("Failed to connect")

    ray = SimpleNamespace(is_initialized=lambda: False, init=init, __version__="2.60.0")
    monkeypatch.setattr("smmbench.cluster.connection.imported", lambda: ray)
    monkeypatch.setattr("smmbench.cluster.connection.refuse_other_listeners", lambda address: None)
    said = "something listens there, but it is not the head of a cluster.*--port=6399"
    with pytest.raises(MachineError, match=said), connected("node:6399"):
        pass


def test_encryption_is_left_to_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_USE_TLS", "1")
    with listening(until_it_hangs_up) as address:
        refuse_other_listeners(address, seconds=0.2)


def test_a_head_that_hangs_is_refused_and_one_that_fails_is_left_to_ray() -> None:
    with pytest.raises(MachineError, match=r"its head has not answered for 0\.2 seconds"):
        refuse_silent_head(0.2, (sys.executable, "-c", "import time; time.sleep(60)"))
    refuse_silent_head(60.0, (sys.executable, "-c", "raise SystemExit(1)"))
