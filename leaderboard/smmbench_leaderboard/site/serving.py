"""Serve a built site on this machine only."""

from __future__ import annotations

from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

LOOPBACK = "127.0.0.1"


class _Quiet(SimpleHTTPRequestHandler):
    """Gives files, prints nothing, lets nothing be cached, and lists no folder."""

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""

    def end_headers(self) -> None:
        """Let a site that is built again be seen at once."""
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        super().end_headers()

    def list_directory(self, path: object) -> None:
        """Refuse: what has no page has nothing to show."""
        self.send_error(404)


def server_of(folder: Path, port: int) -> ThreadingHTTPServer:
    """A server of the site on the loopback interface, which nothing else reaches.

    Args:
        folder: The site.
        port: 0 for a free one.

    Raises:
        ValueError: The port is taken.
    """
    try:
        return ThreadingHTTPServer((LOOPBACK, port), partial(_Quiet, directory=str(folder)))
    except OSError as error:
        raise ValueError(
            f"Port {port} cannot be used ({error.strerror}). Choose another by --port, or 0 for "
            "a free one."
        ) from error


def address_of(server: ThreadingHTTPServer) -> str:
    """Address of the site's first page."""
    return f"http://{LOOPBACK}:{server.server_address[1]}/index.html"
