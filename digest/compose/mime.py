"""Bodies: quoted-printable blocks that can be joined, and the multipart around them.

A block ends at a line end, so blocks join without encoding anything again. A NUL stands for the
reader's token: it gets a line of its own between soft line breaks and is replaced at the very end.
"""

import hashlib
import re
from binascii import b2a_qp
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

#: Where the one token of a message goes, and what differs between two readers of a card. Feed text holds
#: none of them: `prose.clean` removes controls.
TOKEN, ABSTRACT, WHY = "\0", "\4", "\5"

#: A text cut at its slots: pieces encoded already, and the slots between them.
Pieces = tuple[bytes | str, ...]

_SLOT = re.compile(f"([{ABSTRACT}{WHY}])")
_WIDTH = 76  # of a line, RFC 2045 6.7
_LEADING = re.compile(rb"\n(\.|F(?=rom ))")


def quoted_printable(text: str) -> bytes:
    """Encode a block; the result ends with CRLF and has lines of at most 76 characters.

    A line never starts with a dot or with `From `: no relay has a reason to touch it, so a signature
    over the body stays good.
    """
    return _finished(_encoded(text.rstrip("\n")))


def quoted_printable_lines(text: str) -> bytes:
    """The same, line by line: for a text whose lines are mostly those of the text before."""
    return b"".join(map(_encoded_line, text.rstrip("\n").split("\n")))


_encoded_line = lru_cache(maxsize=2048)(quoted_printable)


def cut(text: str) -> Pieces:
    """Encode a block that has slots; `fill` makes bytes of it."""
    pieces = _SLOT.split(text.rstrip("\n"))
    return tuple(piece if place % 2 else _encoded(piece) for place, piece in enumerate(pieces))


def fill(pieces: Pieces, slots: Mapping[str, str]) -> bytes:
    """The block with its slots filled, as `quoted_printable` would have it but for soft line breaks."""
    return _finished(_softly(_encoded(slots[piece]) if isinstance(piece, str) else piece for piece in pieces))


def _encoded(text: str) -> bytes:
    """Quoted-printable with bare line feeds; a token stands between soft line breaks."""
    plain = text.replace("\r\n", "\n").replace("\r", "\n")
    if TOKEN not in plain:
        return b2a_qp(plain.encode(), istext=True)
    pieces = re.split(f"({TOKEN})", plain)
    return _softly(b"\0" if piece == TOKEN else b2a_qp(piece.encode(), istext=True) for piece in pieces)


def _softly(pieces: Iterable[bytes]) -> bytes:
    """Encoded pieces joined by soft line breaks, where there is no line end already."""
    joined = b""
    for piece in pieces:
        if joined and piece and not joined.endswith(b"\n") and not piece.startswith(b"\n"):
            joined = _with_room(joined) + b"=\n"
        joined += piece
    return joined


def _with_room(encoded: bytes) -> bytes:
    """Break a last line that has no place for one more sign; an escape such as =E2 stays whole."""
    start = encoded.rfind(b"\n") + 1
    if len(encoded) - start < _WIDTH:
        return encoded
    place = start + _WIDTH - 6
    escape = encoded.rfind(b"=", place - 2, place)
    place = escape if escape >= 0 else place
    return encoded[:place] + b"=\n" + encoded[place:]


def _finished(encoded: bytes) -> bytes:
    shielded, found = b"\n" + encoded + b"\n", 1
    while found:  # the line that follows a shielded dot may begin with a dot as well
        shielded, found = _LEADING.subn(_shield, shielded)
    return shielded[1:].replace(b"\n", b"\r\n")


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
