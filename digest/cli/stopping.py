"""Ctrl-C at whatever moment: "digest: stopped" and exit status 130, never a traceback.

Imported before everything heavy. A command is cancelled once and closes what it holds; a second Ctrl-C ends
it at once. What libraries complain of while they are being stopped is not shown.
"""

import atexit
import signal
import sys
from collections.abc import Coroutine
from types import FrameType
from typing import Any, TypeVar

T = TypeVar("T")

#: Exit status of a command that Ctrl-C stopped.
STOPPED = 130


class _Ear:
    """Hears SIGINT; there is one in a process."""

    heard = False
    deaf = False  # the command is over


_ear = _Ear()


def listen() -> None:
    """From here on SIGINT is ours."""
    _ear.heard = _ear.deaf = False
    signal.signal(signal.SIGINT, _on_signal)


def finish() -> None:
    """The command is over: Ctrl-C changes nothing any more."""
    _ear.deaf = True
    atexit.register(signal.signal, signal.SIGINT, signal.SIG_IGN)


def was_heard() -> bool:
    """True if Ctrl-C stopped the command."""
    return _ear.heard


def run_loop(work: Coroutine[Any, Any, T]) -> T:
    """`asyncio.run`, whose task is cancelled by the first Ctrl-C and left by the second."""
    import asyncio
    import gc

    if not gc.get_freeze_count():
        gc.freeze()  # what was imported stays: no full collection looks at it again, for 0.1 s

    async def stoppable() -> T:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()

        def on_signal() -> None:
            if _ear.heard or task is None:
                raise KeyboardInterrupt
            _hear()
            task.cancel()

        loop.add_signal_handler(signal.SIGINT, on_signal)
        try:
            return await work
        finally:
            loop.remove_signal_handler(signal.SIGINT)
            signal.signal(signal.SIGINT, _on_signal)

    try:
        return asyncio.run(stoppable())
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None
    finally:
        work.close()  # it never began if the signal came first


def _on_signal(_number: int, _frame: FrameType | None) -> None:
    if not _ear.deaf:
        _hear()
        raise KeyboardInterrupt


def _hear() -> None:
    import logging
    import threading

    _ear.heard = True
    logging.disable()
    sys.unraisablehook = threading.excepthook = lambda _: None  # type: ignore[assignment]
