"""Bytes to entries: the format is detected from the content, never from an address or a type. Pure.

Reads what arXiv (Atom, RSS 2.0, the old RDF, API, OAI-PMH), Hugging Face, bioRxiv, medRxiv, PubMed,
Crossref, OpenAlex, Semantic Scholar and journals publish. `parse` raises nothing but ParseError, however
hostile the bytes.
"""

from dataclasses import replace

from digest.errors import ParseError
from digest.ingest.parse import feed, oai, pubmed, records
from digest.ingest.parse.document import Document
from digest.ingest.parse.feed import Emit

__all__ = ["Document", "parse"]


def parse(body: bytes, emit: Emit | None = None) -> Document:
    """The entries of an answer. Raises ParseError if it is no feed and no known JSON.

    With `emit` the entries of long feeds are handed on in lists while they are made, and only the rest
    is in the document: that keeps the memory of a feed of any length near feedparser's own.
    """
    start = body[:4096].lstrip(b"\xef\xbb\xbf \t\r\n\x00")
    if not start:
        raise ParseError("the answer is empty; a feed without entries would still be a document")
    try:
        return _told(_read(body, start, emit))
    except ParseError:
        raise
    except RecursionError as error:
        raise ParseError("the answer is nested too deeply to be a feed") from error
    except MemoryError as error:
        raise ParseError("the answer needs more memory than a feed may") from error
    except Exception as error:  # whatever a parser trips over is the document's fault
        raise ParseError(f"the answer cannot be read ({type(error).__name__})") from error


def _read(body: bytes, start: bytes, emit: Emit | None) -> Document:
    if start[:1] in (b"{", b"["):
        return records.read(body)
    if b"<OAI-PMH" in start:
        return oai.read(body)
    return pubmed.read(body) if b"<PubmedArticleSet" in start else feed.read(body, emit)


def _told(document: Document) -> Document:
    if not document.skipped or document.note:
        return document
    count = document.skipped + len(document.entries)
    return replace(document, note=f"{document.skipped} of {count} records could not be read and were skipped")
