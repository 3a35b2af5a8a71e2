"""Memory of freed tensors that stays with the process, for the next tensors."""

from __future__ import annotations

import ctypes
import platform
from functools import cache

TRIM_THRESHOLD, TOP_PAD, MMAP_THRESHOLD = -1, -2, -3  # of glibc's <malloc.h>
LARGEST = 32 * 2**20  # that glibc takes for MMAP_THRESHOLD
KEPT = 2**30
AHEAD = 2**26


@cache
def keep_freed_memory() -> bool:
    """Let this process keep up to 1 GiB of freed memory; blocks over 32 MiB go back as before.

    glibc gives freed blocks of some megabytes back to the system and gets the next ones from it
    page by page, filled with zeros: a product of two tensors of 8 MB took eight times as long for
    that. Only on Linux with glibc; elsewhere nothing is done.

    Returns:
        Whether it is so now.
    """
    if platform.system() != "Linux" or platform.libc_ver()[0] != "glibc":
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    settings = ((MMAP_THRESHOLD, LARGEST), (TRIM_THRESHOLD, KEPT), (TOP_PAD, AHEAD))
    return mallopt is not None and all(mallopt(*setting) == 1 for setting in settings)


def give_back_freed_memory() -> None:
    """Give back what is kept now, so that the size of the process is what it uses."""
    if keep_freed_memory.cache_info().currsize and keep_freed_memory():
        ctypes.CDLL(None).malloc_trim(0)
