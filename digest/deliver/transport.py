"""What hands a message over: the protocol that `smtp.py` and `files.py` fulfil. Decides nothing."""

from collections.abc import Awaitable
from typing import NamedTuple, Protocol

from digest.models import Outcome


class Envelope(NamedTuple):
    """One message on its way: who, to whom, and the finished bytes (CRLF line ends)."""

    sender: str  # return path: where bounces go
    recipient: str
    raw: bytes
    name: str  # of its file: "2026-04-14-ada@example.org-1"


class Transport(Protocol):
    """Hands messages over one by one; safe to call many times at once."""

    @property
    def name(self) -> str:
        """Where messages go: "host:port", or a folder; pauses and paces are remembered under it."""
        ...

    @property
    def rate(self) -> float | None:
        """Messages a second that it may be given; None: no limit."""
        ...

    @property
    def concurrency(self) -> int:
        """How many messages it carries at a time."""
        ...

    @property
    def allowed(self) -> int:
        """How many of them the other side turned out to take; set it to what was learned before."""
        ...

    @allowed.setter
    def allowed(self, number: int) -> None: ...

    @property
    def carries_utf8(self) -> bool | None:
        """May letters beyond ASCII stand before the @ of an address? None: nobody asked the server yet."""
        ...

    def send(self, envelope: Envelope) -> Awaitable[Outcome]:
        """Try once. Never raises for what a server or a disk says: the outcome tells.

        Cancelled, if it was withdrawn: nobody has this message, nor will.
        """
        ...

    def withdraw(self) -> None:
        """Hand nothing more over: cancel every message whose text has not begun to leave."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...
