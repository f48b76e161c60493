"""The outbox folder: each message becomes an `.eml` and an `.html` file. Sends nothing."""

import asyncio
import errno
import os
import re
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

from digest.deliver.transport import Envelope
from digest.models import Outcome, Verdict

#: Characters that a file name keeps; `/`, `\\`, `:`, control characters and the like become `_`.
_UNSAFE = re.compile(r"[^\w.@+=-]+", re.ASCII)

#: Most file systems allow 255 bytes a name; room is left for the number, the suffix and `.part`.
_LONGEST = 200

_REMEDIES = {
    errno.ENOSPC: "the disk is full; free some space, then run again",
    errno.EDQUOT: "the disk quota is used up; free some space, then run again",
    errno.EACCES: "the folder may not be written; check its owner and mode, or name another in DIGEST_OUTBOX",
    errno.EROFS: "the folder is on a read-only disk; name another one in DIGEST_OUTBOX",
    errno.ENOTDIR: "this is not a folder; name another one in DIGEST_OUTBOX",
    errno.EEXIST: "this is not a folder; name another one in DIGEST_OUTBOX",
}


class FileTransport:
    """Writes into one folder, which is made at the first message."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.allowed = self.concurrency

    @property
    def name(self) -> str:
        """The folder."""
        return str(self.folder)

    @property
    def rate(self) -> float | None:
        """As fast as the disk."""
        return None

    @property
    def concurrency(self) -> int:
        """One: the disk is faster than its turns."""
        return 1

    @property
    def carries_utf8(self) -> bool:
        """A file takes every address."""
        return True

    async def send(self, envelope: Envelope) -> Outcome:
        """Write both files whole or not at all; a second time replaces them by the same ones."""
        return await asyncio.to_thread(self._write, envelope)

    def withdraw(self) -> None:
        """What was given is written in an instant."""

    async def close(self) -> None:
        """Nothing is held open."""

    def _write(self, envelope: Envelope) -> Outcome:
        path = self.folder / f"{safe_name(envelope.name)}.eml"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            if page := _page(envelope.raw):
                _replace(path.with_suffix(".html"), page.encode())
            _replace(path, envelope.raw)
        except OSError as error:
            return Outcome(verdict=Verdict.UNAVAILABLE, stage="file", reply=_sentence(self.folder, error))
        return Outcome(verdict=Verdict.ACCEPTED, stage="file", reply=str(path))


def _page(raw: bytes) -> str:
    """The HTML part of a message; empty if it has none."""
    part = message_from_bytes(raw, EmailMessage, policy=policy.default).get_body(("html",))
    return str(part.get_content()).replace("\r\n", "\n") if part else ""


def safe_name(name: str) -> str:
    """A file name on any system: no path, no hidden file, no control character; long ones keep their end."""
    clean = _UNSAFE.sub("_", name).lstrip(".-") or "message"
    if len(clean) <= _LONGEST:
        return clean
    end = clean.rpartition("-")[2][:20]
    return f"{clean[: _LONGEST - len(end) - 1]}-{end}"


def _replace(path: Path, content: bytes) -> None:
    """Readers see the old file or the new one, never a half: write beside it, sync, rename."""
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise


def _sentence(folder: Path, error: OSError) -> str:
    remedy = _REMEDIES.get(error.errno or 0, f"{error.strerror or error}; check the folder, then run again")
    return f"{folder}: {remedy}"
