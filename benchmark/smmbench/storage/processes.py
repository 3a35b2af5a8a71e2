"""Identify this machine, and check whether one of its processes still runs."""

from __future__ import annotations

import hashlib
import os
import platform
from functools import cache


@cache
def this_machine() -> str:
    """A short mark of this machine for names of files: 8 hexadecimal digits."""
    return hashlib.sha256(platform.node().encode()).hexdigest()[:8]


def is_running(pid: int) -> bool:
    """Whether a process of this machine is alive; on Windows nothing harmless tells, so True."""
    if os.name == "nt":
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it is alive and another user's
        return True
    return True
