"""The outbox folder: names, whole files, and what is said when it cannot be written."""

import errno
import re
from pathlib import Path

import pytest

from digest.deliver.files import FileTransport, safe_name
from digest.deliver.transport import Envelope
from digest.models import Verdict

RAW = b"Subject: x\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>\xc3\xa9</p>"


def envelope(name: str = "2026-04-14-ada@example.org-1", raw: bytes = RAW) -> Envelope:
    return Envelope(sender="", recipient="ada@example.org", raw=raw, name=name)


async def test_mail_and_page_lie_side_by_side(tmp_path: Path) -> None:
    outcome = await FileTransport(tmp_path / "outbox").send(envelope())
    path = tmp_path / "outbox" / "2026-04-14-ada@example.org-1.eml"
    assert (outcome.verdict, outcome.reply) == (Verdict.ACCEPTED, str(path))
    assert path.read_bytes() == RAW
    assert path.with_suffix(".html").read_text() == "<p>é</p>"
    assert len(list(path.parent.iterdir())) == 2


async def test_the_same_delivery_twice_is_one_file(tmp_path: Path) -> None:
    transport = FileTransport(tmp_path)
    await transport.send(envelope())
    await transport.send(envelope(raw=b"Subject: y\r\n\r\n"))
    assert [path.read_bytes() for path in tmp_path.glob("*.eml")] == [b"Subject: y\r\n\r\n"]


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "a/b", "..", "", ".hidden", "a\0b", "C:\\x", "-rf", "x\n", "é" * 300]
)
def test_a_name_never_leaves_the_folder(name: str) -> None:
    clean = safe_name(name)
    assert re.fullmatch(r"[\w@+=][\w.@+=-]{0,199}", clean)


def test_long_addresses_keep_their_number() -> None:
    first, second = (safe_name(f"2026-04-14-{'a' * 300}@papers.dev-{number}") for number in (1, 2))
    assert first != second
    assert first.endswith("-1")


async def test_a_folder_that_is_a_file_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "outbox").touch()
    outcome = await FileTransport(tmp_path / "outbox").send(envelope())
    assert outcome.verdict is Verdict.UNAVAILABLE
    assert outcome.reply.endswith("this is not a folder; name another one in DIGEST_OUTBOX")


async def test_no_space_leaves_no_half_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A real file system that is full needs root; the error of its `fsync` does not."""

    def no_space(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", no_space)
    outcome = await FileTransport(tmp_path).send(envelope())
    assert outcome.verdict is Verdict.UNAVAILABLE
    assert outcome.reply == f"{tmp_path}: the disk is full; free some space, then run again"
    assert list(tmp_path.iterdir()) == []
