"""What is wrong with the operator's files, as long as it is: told in the log, shown by status and /admin.

A fault of templates is kept until a file of them changes; if the change did not mend it, it comes back.
That of subscribers.yaml is kept until a pass reads the file whole.
"""

import hashlib
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import structlog

from digest.errors import TemplateError
from digest.storage import facts
from digest.storage.database import Database

FAULT, ROSTER = "template fault", "roster fault"

log = structlog.get_logger("digest.templates")


class Faults:
    """Hears of faults, from whatever thread, and keeps the first of each state of the templates."""

    def __init__(self, folder: Path | None) -> None:
        """`folder` is DIGEST_TEMPLATES."""
        self._folder = folder
        self._told: list[str] = []
        self._kept = 0
        self._good: str | None = None  # the state of the templates that was found whole

    def tell(self, error: TemplateError) -> None:
        """Hear of a fault; each is logged once."""
        if str(error) not in self._told:
            self._told.append(str(error))
            log.error("template.broken", reason=str(error))

    def know(self, error: TemplateError) -> None:
        """Hear of a fault that a person was told already: it is not logged as well."""
        if str(error) not in self._told:
            self._told.append(str(error))

    async def keep(self, db: Database, now: datetime) -> None:
        """Write down what was heard, for whoever asks why mails look other than wanted."""
        if len(self._told) == self._kept or self._folder is None:
            return
        self._kept = len(self._told)
        if await standing(db, self._folder) is None:
            async with db.write() as conn:
                value = {"reason": self._told[-1], "state": state_of(self._folder)}
                await facts.keep(conn, FAULT, value, now)

    def check(self, attempt: Callable[[], object]) -> None:
        """Try the templates, if they have changed since they were found whole. Raises TemplateError."""
        state = state_of(self._folder) if self._folder else ""
        if state != self._good:
            attempt()
            self._good = state


async def standing(db: Database, folder: Path | None) -> str | None:
    """The fault that was met last, unless the templates have changed since."""
    if folder is None:
        return None
    async with db.read() as conn:
        known = await facts.fact(conn, FAULT)
    return str(known["reason"]) if known and known["state"] == state_of(folder) else None


async def keep_roster(db: Database, reason: str | None, now: datetime) -> None:
    """Remember what is wrong with subscribers.yaml; None: nothing."""
    async with db.read() as conn:
        if await facts.fact(conn, ROSTER) == reason:
            return
    async with db.write() as conn:
        await (facts.keep(conn, ROSTER, reason, now) if reason else facts.drop(conn, ROSTER))


def state_of(folder: Path) -> str:
    """Changes with every change of a file in the folder."""
    state = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        state.update(str(path.relative_to(folder)).encode())
        try:
            state.update(path.read_bytes() if path.is_file() else b"")
        except OSError as error:
            state.update(str(error).encode())
    return state.hexdigest()
