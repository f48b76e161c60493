"""JSON answers: which service wrote this? Pure."""

import json
from collections.abc import Callable
from typing import Any

from digest.errors import ParseError
from digest.ingest.parse import catalogues, huggingface, preprints
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


_READERS: tuple[tuple[Callable[[Any], bool], Callable[[Any], Document]], ...] = (
    (huggingface.wrote, huggingface.read),
    (preprints.wrote, preprints.read),
    (catalogues.is_crossref, catalogues.crossref),
    (catalogues.is_openalex, catalogues.openalex),
    (catalogues.is_semantic_scholar, catalogues.semantic_scholar),
)
