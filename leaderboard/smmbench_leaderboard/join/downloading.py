"""Download an archive from an untrusted address: https, limited in size and time.

The address is untrusted, and so is every address to which it redirects. Only https to a public host
is used, whatever a name resolves to: the peer of each connection is checked before a byte is sent.
No proxy, cookie or password of this machine is used.
"""

from __future__ import annotations

import hashlib
import http.client
import ipaddress
import socket
import ssl
import threading
import time
import urllib.error
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.request import (
    HTTPDefaultErrorHandler,
    HTTPErrorProcessor,
    HTTPHandler,
    HTTPRedirectHandler,
    HTTPSHandler,
    OpenerDirector,
    Request,
    UnknownHandler,
)

from smmbench import __version__
from smmbench.display import plain
from smmbench.errors import raise_if_machine
from smmbench_leaderboard.join.announcement import address_fault

CHUNK = 1 << 20
REDIRECTIONS = 5


class DownloadError(ValueError):
    """An archive cannot be downloaded; the message says why."""


@dataclass(frozen=True)
class Patience:
    """How long a download may take.

    Attributes:
        silence: Maximum seconds without a byte.
        whole: Maximum seconds in all, including redirections.
        grace: Seconds before the rate is checked.
        rate: Mean rate in bytes per second below which the download is aborted.
    """

    silence: float = 30.0
    whole: float = 3600.0
    grace: float = 60.0
    rate: float = 64 << 10


def download(
    address: str,
    target: Path,
    size: int,
    patience: Patience | None = None,
    loopback: bool = False,
) -> str:
    """Download a file of known size, and not a byte more.

    Args:
        address: Address of the file.
        target: A new file; after an error it holds what was received.
        size: Announced size in bytes.
        patience: Time limits.
        loopback: Also allow plain http from 127.0.0.1, and from no other host.

    Returns:
        SHA-256 of the received file.

    Raises:
        DownloadError: The download failed; the message says why.
        OSError: The disk is full or broken.
    """
    patience = patience or Patience()
    _refuse(address, address, loopback)
    shown, line = _shown(address), _Line(loopback)
    watch = threading.Timer(patience.whole, line.cut)
    watch.daemon = True
    watch.start()
    try:
        return _downloaded(address, target, size, patience, line)
    except DownloadError:
        raise
    except (OSError, http.client.HTTPException, ValueError) as error:
        if line.was_cut:
            raise DownloadError(f"{shown} takes longer than {patience.whole:g} s.") from error
        raise_if_machine(error)
        raise DownloadError(f"{shown} {_failure(error, patience)}.") from error
    finally:
        watch.cancel()
        line.close()


def _failure(error: Exception, patience: Patience) -> str:
    """Describe an error in words that follow the address."""
    if isinstance(error, urllib.error.HTTPError):
        error.close()
        return f"answers {error.code} {plain(str(error.reason))}"
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(reason, TimeoutError):
        return f"sends nothing for {patience.silence:g} s"
    return f"cannot be reached: {plain(str(reason)) or type(reason).__name__}"


def _downloaded(address: str, target: Path, size: int, patience: Patience, line: _Line) -> str:
    start = time.monotonic()
    request = Request(address, headers={"User-Agent": f"smmbench/{__version__}"})
    digest, came = hashlib.sha256(), 0
    with _opener(line).open(request, timeout=patience.silence) as answer, target.open("xb") as out:
        stated = answer.headers.get("Content-Length", "")
        if stated.isdecimal() and int(stated[:20]) != size:
            raise DownloadError(
                f"{_shown(address)} has {plain(stated, 20)} bytes; {size} are announced."
            )
        while chunk := answer.read1(CHUNK):
            came += len(chunk)
            if came > size:
                raise DownloadError(
                    f"{_shown(address)} sends more than the {size} bytes announced."
                )
            digest.update(chunk)
            out.write(chunk)
            taken = time.monotonic() - start
            if taken > patience.grace and came / taken < patience.rate:
                raise DownloadError(
                    f"{_shown(address)} gives {came / taken:.0f} bytes a second, less than "
                    f"{patience.rate:.0f}."
                )
    if line.was_cut:
        raise DownloadError(f"{_shown(address)} takes longer than {patience.whole:g} s.")
    if came < size:
        raise DownloadError(f"{_shown(address)} ends after {came} of {size} bytes.")
    return digest.hexdigest()


class _Line:
    """The connections of one download: which hosts they may reach, and how to end them."""

    def __init__(self, loopback: bool) -> None:
        self.loopback = loopback
        self.was_cut = False
        self._open: list[socket.socket] = []

    def connect(self, host: str, port: int, timeout: float | None) -> socket.socket:
        """Connect to a public host, or to this machine over the loopback interface."""
        connection = socket.create_connection((host, port), timeout)
        self.watch(connection)
        peer = ipaddress.ip_address(connection.getpeername()[0].partition("%")[0])
        mapped = getattr(peer, "ipv4_mapped", None) or peer
        if not (mapped.is_global or (self.loopback and str(mapped) == "127.0.0.1")):
            connection.close()
            raise DownloadError(
                f"'{plain(host, 100)}' is {mapped}, which is not a public address: not used."
            )
        return connection

    def watch(self, connection: socket.socket) -> None:
        """Register a connection to be ended with the others."""
        self._open.append(connection)

    def cut(self) -> None:
        """End every connection at once."""
        self.was_cut = True
        self.close()

    def close(self) -> None:
        """Close all open connections."""
        for connection in self._open:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # already closed


class _Http(http.client.HTTPConnection):
    """A connection to this machine, over the loopback interface."""

    def __init__(self, host: str, line: _Line, **more: Any) -> None:
        super().__init__(host, **more)
        self._line = line

    def connect(self) -> None:
        """Connect through `_Line`."""
        self.sock = self._line.connect(self.host, self.port, self.timeout)


class _Https(http.client.HTTPSConnection):
    """A connection whose peer is checked before the handshake."""

    def __init__(self, host: str, line: _Line, **more: Any) -> None:
        self._tls = ssl.create_default_context()
        super().__init__(host, context=self._tls, **more)
        self._line = line

    def connect(self) -> None:
        """Connect through `_Line`, then perform the TLS handshake with the named host."""
        plainly = self._line.connect(self.host, self.port, self.timeout)
        secured = self._tls.wrap_socket(
            plainly, server_hostname=self.host, do_handshake_on_connect=False
        )
        self._line.watch(secured)
        secured.do_handshake()
        self.sock = secured


class _HttpHandler(HTTPHandler):
    def __init__(self, line: _Line) -> None:
        super().__init__()
        self._line = line

    def http_open(self, req: Request) -> http.client.HTTPResponse:
        return self.do_open(partial(_Http, line=self._line), req)


class _HttpsHandler(HTTPSHandler):
    def __init__(self, line: _Line) -> None:
        super().__init__()
        self._line = line

    def https_open(self, req: Request) -> http.client.HTTPResponse:
        return self.do_open(partial(_Https, line=self._line), req)


class _Redirections(HTTPRedirectHandler):
    """Follow a redirection only to an address that would be allowed in an announcement."""

    max_redirections = REDIRECTIONS

    def __init__(self, loopback: bool) -> None:
        self._loopback = loopback

    def redirect_request(
        self, req: Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> Request | None:
        """Return the next request, as the base class does, or reject it."""
        _refuse(newurl, req.full_url, self._loopback)
        return super().redirect_request(req, fp, code, msg, headers, newurl)

    def http_error_302(self, req: Request, fp: Any, code: int, msg: str, headers: Any) -> Any:
        """Check the address first, because the base class has its own messages for some schemes."""
        newurl = headers.get("Location") or headers.get("URI") or ""
        if ":" in newurl.partition("/")[0]:
            _refuse(newurl, req.full_url, self._loopback)
        return super().http_error_302(req, fp, code, msg, headers)

    http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302


def _opener(line: _Line) -> OpenerDirector:
    """Return an opener for https, and for loopback http if allowed; no files, no proxies."""
    opener = OpenerDirector()
    handlers: list[Any] = [
        UnknownHandler(),
        HTTPDefaultErrorHandler(),
        HTTPErrorProcessor(),
        _Redirections(line.loopback),
        _HttpsHandler(line),
    ]
    if line.loopback:
        handlers.append(_HttpHandler(line))
    for handler in handlers:
        opener.add_handler(handler)
    return opener


def _refuse(address: str, origin: str, loopback: bool) -> None:
    if fault := address_fault(address, loopback):
        if address == origin:
            raise DownloadError(f"{_shown(address)}: {fault}.")
        raise DownloadError(f"{_shown(origin)} leads to {_shown(address)}: {fault}.")


def _shown(address: str) -> str:
    return f"'{plain(address, 120)}'"
