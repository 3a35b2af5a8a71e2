"""Serve a built site on the loopback interface of this machine."""

from __future__ import annotations

import sys
from contextlib import suppress
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from smmbench.display import print_line

LOOPBACK = "127.0.0.1"


class _Quiet(SimpleHTTPRequestHandler):
    """Serve files without a log, without caching, and without listing folders."""

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""

    def end_headers(self) -> None:
        """Forbid caching, so that a rebuilt site is seen at once."""
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        super().end_headers()

    def list_directory(self, path: object) -> None:
        """Answer 404: a folder without a page has nothing to show."""
        self.send_error(404)


class _Server(ThreadingHTTPServer):
    """A server that reports errors, except those of browsers that leave while a file loads."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Report an error of a request."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


def server_of(folder: Path, port: int) -> ThreadingHTTPServer:
    """Make a server for a site that only this machine can reach.

    Args:
        folder: The site.
        port: Port of the server; 0 selects a free one.

    Raises:
        ValueError: The port cannot be used.
    """
    try:
        return _Server((LOOPBACK, port), partial(_Quiet, directory=str(folder)))
    except OSError as error:
        raise ValueError(
            f"Port {port} cannot be used ({error.strerror}). Choose another by --port, or 0 for "
            "a free one."
        ) from error


def address_of(server: ThreadingHTTPServer) -> str:
    """Return the address of the site's first page."""
    return f"http://{LOOPBACK}:{server.server_address[1]}/index.html"


def serve(folder: Path, port: int, fragment: str = "") -> None:
    """Serve a site and print its address, until Ctrl-C.

    Args:
        folder: The site.
        port: Port of the server; 0 selects a free one.
        fragment: What follows the address, such as `#form=1`.

    Raises:
        ValueError: The port cannot be used.
    """
    with server_of(folder, port) as server, suppress(KeyboardInterrupt):
        print_line(f"Serving {address_of(server)}{fragment} (press Ctrl-C to stop).")
        server.serve_forever()
