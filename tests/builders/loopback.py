"""A server on the loopback interface that answers as a test says: well, badly, or hardly at all."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Answer = Callable[[BaseHTTPRequestHandler], None]


def content(body: bytes, stated: bool = True) -> Answer:
    """An answer with a body, and its length if `stated`."""

    def answer(asked: BaseHTTPRequestHandler) -> None:
        asked.send_response(200)
        if stated:
            asked.send_header("Content-Length", str(len(body)))
        asked.end_headers()
        asked.wfile.write(body)

    return answer


def leads_to(address: str) -> Answer:
    """A redirection."""

    def answer(asked: BaseHTTPRequestHandler) -> None:
        asked.send_response(302)
        asked.send_header("Location", address)
        asked.end_headers()

    return answer


@contextmanager
def served(answers: dict[str, Answer]) -> Iterator[str]:
    """Serve answers by path; gives the address of the server, without a slash at the end."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

        def do_GET(self) -> None:
            if self.path not in answers:
                self.send_error(404)
                return
            with suppress(OSError):  # who asked has gone
                answers[self.path](self)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.block_on_close = False
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
