"""How much a command prints to standard error, and to which log file."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path


@dataclass
class Talk:
    """Verbosity of this process, set by `smmbench --quiet --log-file FILE`.

    Attributes:
        quiet: Print errors only.
        log: Also append every line to this file, with the time.
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
