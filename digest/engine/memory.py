"""Memory of a process that runs for months: what was freed goes back to the system. On glibc; else nothing.

Indexes of some ten megabytes are built in changing threads. With glibc's defaults their memory stayed with
the process: 420 MB after four replayed days, 255 MB with few arenas and a low threshold, and of these a third
was free blocks between used ones, which only `malloc_trim` returns.
"""

import ctypes
from functools import cache

#: Options of mallopt(3): the number of arenas, and sizes from which memory is mapped and trimmed.
_ARENAS, _MAPPED, _TRIMMED = -8, -3, -1

_BYTES = 256 * 1024


def use_little() -> None:
    """Keep few arenas and map large blocks; once, at the start of the process."""
    if libc := _glibc():
        libc.mallopt(_ARENAS, 2)
        libc.mallopt(_MAPPED, _BYTES)
        libc.mallopt(_TRIMMED, _BYTES)


def give_back() -> None:
    """Return free pages, also those between used ones; takes some milliseconds, and no lock of Python's."""
    if libc := _glibc():
        libc.malloc_trim(0)


@cache
def _glibc() -> ctypes.CDLL | None:
    try:
        libc = ctypes.CDLL("libc.so.6")
    except OSError:
        return None
    return libc if hasattr(libc, "mallopt") and hasattr(libc, "malloc_trim") else None
