"""Names of workers: one for each run, so that another run on this machine can tell that it died.

`host:pid-namespace:pid:start:random`: a lease of a killed process need not run out before its work is
taken up again, while a worker on another machine or in another container is left alone.
"""

import os
import secrets
import socket
from collections.abc import Collection
from pathlib import Path


def worker_name() -> str:
    """A name that no other run has or will have."""
    return f"{_place()}:{os.getpid()}:{_started(os.getpid())}:{secrets.token_hex(4)}"


def dead_workers(names: Collection[str], me: str) -> set[str]:
    """Those that ran in this place and whose process is gone; `me` and strangers are taken for alive."""
    place = _place()
    ours = (name for name in names if name != me and name.startswith(f"{place}:"))
    return {name for name in ours if not _is_alive(*name.removeprefix(f"{place}:").split(":")[:2])}


def _place() -> str:
    try:
        namespace = os.readlink("/proc/self/ns/pid").strip("pid:[]")
    except OSError:
        namespace = "-"
    return f"{socket.gethostname()}:{namespace}"


def _is_alive(pid: str, started: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except (PermissionError, ValueError):
        return True
    return _started(int(pid)) == started


def _started(pid: int) -> str:
    """When a process started, in ticks since boot: a number used again is another process; "-": unknown."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return "-"
