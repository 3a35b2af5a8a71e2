"""The output of a command: its beginning and its end, with bounded size."""

from __future__ import annotations

HEAD, TAIL = 64 * 1024, 192 * 1024  # bytes kept


class Log:
    """Bytes of an output in order, with bounded size; they need not be text."""

    def __init__(self) -> None:
        self._head = bytearray()
        self._tail = bytearray()
        self._left_out = 0

    def add(self, some: bytes) -> None:
        """Add bytes; the oldest ones after the head are dropped."""
        room = HEAD - len(self._head)
        if room > 0:
            self._head += some[:room]
            some = some[room:]
        self._tail += some
        if len(self._tail) > 2 * TAIL:
            self._cut()

    def content(self) -> bytes:
        """All bytes that were kept, with a line where some are left out."""
        self._cut()
        gap = f"\n[... {self._left_out} bytes left out ...]\n".encode() if self._left_out else b""
        return bytes(self._head) + gap + bytes(self._tail)

    def _cut(self) -> None:
        excess = len(self._tail) - TAIL
        if excess > 0:
            del self._tail[:excess]
            self._left_out += excess


def last_words(content: bytes, limit: int = 300) -> str:
    """The end of a log as one printable line for a message; empty if the log has no text."""
    text = content[-4 * limit :].decode("utf-8", "replace")
    clean = "".join(sign if sign.isprintable() else " " for sign in text)
    words = " ".join(clean.replace("\ufffd", " ").split())
    return words if len(words) <= limit else f"... {words[-limit:]}"
