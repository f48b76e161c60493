"""Blocks and header fields to the bytes of one mail."""

from collections.abc import Sequence

from digest.compose import headers, mime
from digest.compose.blocks import Block
from digest.compose.headers import Field
from digest.compose.mime import Attachment


def assemble(
    fields: Sequence[Field],
    parts: Sequence[Block],
    *,
    message_id: str,
    reader: str = "",
    attachment: Attachment | None = None,
) -> bytes:
    """The whole message, CRLF only; its header is read back. Raises SendError.

    `reader` is the token that stands in the blocks as a NUL.
    """
    inner = mime.boundary(message_id)
    kind, mark = "alternative", inner
    body = mime.alternative(inner, [part.text for part in parts], [part.html for part in parts])
    if attachment:
        kind, mark = "mixed", mime.boundary(message_id, depth=1)
        body = mime.mixed(mark, inner, body, attachment)
    whole = [*fields, ("MIME-Version", "1.0"), ("Content-Type", f'multipart/{kind}; boundary="{mark}"')]
    head = headers.serialise(whole)
    headers.verify(head, whole)
    return b"".join([head, *body]).replace(b"\0", reader.encode("ascii"))
