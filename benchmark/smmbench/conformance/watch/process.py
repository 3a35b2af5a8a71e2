"""How much memory this process uses."""

from __future__ import annotations

import ctypes
import os
from functools import lru_cache
from pathlib import Path
from typing import Any


def used_memory() -> int:
    """Bytes in use by the C allocator, arrays and tensors among them; 0 where nothing is known.

    Asked of glibc itself (2.33 or later), since the size of a process says little of what is used:
    what was freed stays with it, and serves what comes. Where there is no such answer it is that
    size.
    """
    asked = _mallinfo2()
    if asked is None:
        return _resident()
    told = asked()
    return int(told.uordblks) + int(told.hblkhd)  # within arenas, and mapped by themselves


class _Mallinfo2(ctypes.Structure):
    _fields_ = [
        (name, ctypes.c_size_t)
        for name in (
            *("arena", "ordblks", "smblks", "hblks", "hblkhd"),
            *("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"),
        )
    ]


@lru_cache(maxsize=1)
def _mallinfo2() -> Any:
    try:
        found = ctypes.CDLL(None).mallinfo2
    except (AttributeError, OSError, TypeError):  # another C library, or an older one
        return None
    found.restype = _Mallinfo2
    return found


def _resident() -> int:
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, ValueError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")
