"""JSON answers: which service wrote this? Pure."""

import json
from typing import Any

from digest.errors import ParseError
from digest.ingest.parse import huggingface
from digest.ingest.parse.document import Document


def read(body: bytes) -> Document:
    """The entries of a JSON answer. Raises ParseError if it is broken or of no known shape."""
    try:
        data = json.loads(body, parse_constant=lambda _name: None)
    except RecursionError as error:
        raise ParseError("the JSON is nested too deeply") from error
    except ValueError as error:
        raise ParseError(f"the JSON is broken or cut off ({_first(error)})") from error
    for recognised, reader in _READERS:
        if recognised(data):
            return reader(data)
    raise ParseError(f"the JSON is of no known service: {_said(data)}")


def _said(data: Any) -> str:
    if isinstance(data, dict):
        words = data.get("error") or data.get("message") or ", ".join(map(str, data))
        return repr(words)[:120]
    return repr(data)[:120]


def _first(error: ValueError) -> str:
    return str(error).splitlines()[0][:120]


_READERS = ((huggingface.wrote, huggingface.read),)
