"""How much a command says of itself on standard error, and where else that is written."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path


@dataclass
class Talk:
    """The talk of this process; `smmbench --quiet --log-file FILE` sets it.

    Attributes:
        quiet: Say only what went wrong.
        log: Append every line to this file too, with the time.
    """

    quiet: bool = False
    log: Path | None = None

    def write(self, line: str) -> None:
        """Append a line to the log file, if there is one.

        Raises:
            OSError: It cannot be written.
        """
        if self.log is not None:
            now = datetime.now().astimezone().isoformat(timespec="seconds")
            with self.log.open("a", encoding="utf-8") as file:
                file.write(f"{now} {line}\n")


talk = Talk()
