"""Bodies: quoted-printable blocks that can be joined, and the multipart around them.

A block ends at a line end, so blocks join without encoding anything again. A NUL stands for the
reader's token: it gets a line of its own between soft line breaks and is replaced at the very end.
"""

import hashlib
import re
from binascii import b2a_qp
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

#: Where the one token of a message goes, and what differs between two readers: of a card, of a frame. Feed
#: text holds none of them: `prose.clean` removes controls.
TOKEN, ABSTRACT, WHY = "\0", "\4", "\5"
FRAME_SLOTS = "\6\7\16\17\20\21"

#: A text cut at its slots: pieces encoded already, and the slots between them.
Pieces = tuple[bytes | str, ...]

#: Between lines that are encoded together.
_BETWEEN, _BETWEEN_ENCODED = "\n\2\n", b"\r\n=02\r\n"

_SLOT = re.compile(f"([{ABSTRACT}{WHY}])")
_LINE_SLOT = re.compile(f"([{FRAME_SLOTS}])")
_WIDTH = 76  # of a line, RFC 2045 6.7
_LEADING = re.compile(rb"\n(\.|F(?=rom ))")


class Lines(NamedTuple):
    """A text in lines: stretches without slots, encoded, and the lines between them, cut at their slots."""

    alike: tuple[bytes, ...]
    open: tuple[str, ...]


def quoted_printable(text: str) -> bytes:
    """Encode a block; the result ends with CRLF and has lines of at most 76 characters.

    A line never starts with a dot or with `From `: no relay has a reason to touch it, so a signature
    over the body stays good.
    """
    return _encoded(text.rstrip("\n")) + b"\r\n"


def cut(text: str) -> Pieces:
    """Encode a block that has slots; `fill` makes bytes of it. A piece before a slot leaves its line open."""
    *pieces, last = _SLOT.split(text.rstrip("\n"))
    opened = [piece if place % 2 else _opened(_encoded(piece)) for place, piece in enumerate(pieces)]
    return (*opened, _encoded(last) + b"\r\n")


def cut_lines(text: str) -> Lines:
    """Encode a text line by line but for the lines that have slots; `fill_lines` makes bytes of it."""
    alike, open_lines = [b""], []
    for line in text.rstrip("\n").split("\n"):
        if _LINE_SLOT.search(line):
            open_lines.append(line)
            alike.append(b"")
        else:
            alike[-1] += _encoded(line) + b"\r\n"
    return Lines(tuple(alike), tuple(_LINE_SLOT.split(_BETWEEN.join(open_lines))))


def fill_lines(lines: Lines, slots: Mapping[str, str]) -> bytes:
    """The text with its slots filled, exactly as if it had been encoded line by line."""
    first, *others = lines.alike
    if not others:
        return first
    text = "".join([slots.get(piece, piece) for piece in lines.open])
    filled = _encoded(text).split(_BETWEEN_ENCODED)
    return first + b"".join([b"%b\r\n%b" % pair for pair in zip(filled, others, strict=True)])


def fill(pieces: Pieces, slots: Mapping[str, str]) -> bytes:
    """The block with its slots filled, as `quoted_printable` would have it but for soft line breaks."""
    return b"".join(
        [_opened(_encoded(slots[piece])) if isinstance(piece, str) else piece for piece in pieces]
    )


def _encoded(text: str) -> bytes:
    """Quoted-printable without the last line end; a token stands between soft line breaks."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if TOKEN not in text:
        return _piece(text)
    return b"\0=\r\n".join(_opened(_piece(piece)) for piece in text.split(TOKEN)).removesuffix(b"=\r\n")


def _piece(text: str) -> bytes:
    """What starts at the start of a line, with CRLF; dots and `From ` there are shielded."""
    if " \n" in text or "\t\n" in text:  # before a line end, binascii may write a line of 77 characters
        return b"\r\n".join(map(_piece, text.split("\n")))
    encoded = b2a_qp(text.encode(), istext=True)
    if encoded.startswith((b".", b"From ")) or b"\n." in encoded or b"\nFrom " in encoded:
        encoded, found = b"\n" + encoded, 1
        while found:  # the line that follows a shielded dot may begin with a dot as well
            encoded, found = _LEADING.subn(_shield, encoded)
        encoded = encoded[1:]
    return encoded.replace(b"\n", b"\r\n")


def _opened(encoded: bytes) -> bytes:
    """The same, ready to be continued on the next line: with a soft line break, where one is needed."""
    if not encoded or encoded.endswith(b"\n"):
        return encoded
    start = encoded.rfind(b"\n") + 1
    if len(encoded) - start < _WIDTH:
        return encoded + b"=\r\n"
    place = start + _WIDTH - 6  # no room for one more sign; an escape such as =E2 stays whole
    escape = encoded.rfind(b"=", place - 2, place)
    place = escape if escape >= 0 else place
    return b"%b=\r\n%b=\r\n" % (encoded[:place], encoded[place:])


def _shield(match: re.Match[bytes]) -> bytes:
    return b"\n=%02X=\n" % match.group(1)[0]


def boundary(message_id: str, depth: int = 0) -> str:
    """The same for the same message; `=_` cannot occur in quoted-printable text."""
    return "=_" + hashlib.sha256(f"{depth}{message_id}".encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Attachment:
    """A text file that goes with a message."""

    content_type: str
    filename: str  # ours: ASCII, without quotes
    content: str


def alternative(mark: str, text: Iterable[bytes], html: Iterable[bytes]) -> list[bytes]:
    """The parts of a multipart/alternative body, to be joined: text first, then HTML."""
    kind = "Content-Type: text/{}; charset=utf-8"
    plain, rich = (_opening(mark, kind.format(subtype)) for subtype in ("plain", "html"))
    return [plain, *text, rich, *html, _closing(mark)]


def mixed(mark: str, inner: str, body: Iterable[bytes], attachment: Attachment) -> list[bytes]:
    """A multipart/mixed body: a multipart/alternative one, whose boundary is `inner`, and a file."""
    described = (
        f"Content-Type: {attachment.content_type}; charset=utf-8\r\n"
        f'Content-Disposition: attachment; filename="{attachment.filename}"'
    )
    return [
        f'\r\n--{mark}\r\nContent-Type: multipart/alternative;\r\n boundary="{inner}"\r\n'.encode(),
        *body,
        _opening(mark, described),
        quoted_printable(attachment.content),
        _closing(mark),
    ]


def _opening(mark: str, described: str) -> bytes:
    """The line end before a boundary belongs to the boundary (RFC 2046 5.1.1)."""
    return f"\r\n--{mark}\r\n{described}\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n".encode()


def _closing(mark: str) -> bytes:
    return f"\r\n--{mark}--\r\n".encode()
