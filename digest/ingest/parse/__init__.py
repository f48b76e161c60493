"""Bytes to entries: the format is detected from the content, never from an address or a type. Pure.

Reads what arXiv (Atom, RSS 2.0, the old RDF, API, OAI-PMH), Hugging Face, bioRxiv, medRxiv, PubMed,
Crossref, OpenAlex, Semantic Scholar and journals publish. `parse` raises nothing but ParseError, however
hostile the bytes.
"""

from collections.abc import Callable
from dataclasses import replace

from digest.errors import ParseError
from digest.ingest.parse import feed, oai, pubmed, records
from digest.ingest.parse.document import Document

__all__ = ["Document", "parse"]

#: Twice as many as any feed that was ever recorded, ten times what is read in a day.
MOST_ENTRIES = 20_000


def parse(body: bytes) -> Document:
    """The entries of an answer. Raises ParseError if it is no feed and no known JSON."""
    start = body[:4096].lstrip(b"\xef\xbb\xbf \t\r\n\x00")
    if not start:
        raise ParseError("the answer is empty; a feed without entries would still be a document")
    try:
        document = _reader(start)(body)
    except ParseError:
        raise
    except RecursionError as error:
        raise ParseError("the answer is nested too deeply to be a feed") from error
    except MemoryError as error:
        raise ParseError("the answer needs more memory than a feed may") from error
    except (
        Exception
    ) as error:  # whatever a parser trips over is the document's fault, and costs that source alone
        raise ParseError(f"the answer cannot be read ({type(error).__name__})") from error
    return _bounded(document)


def _skipped(document: Document) -> str:
    count = document.skipped + len(document.entries)
    return f"{document.skipped} of {count} records could not be read and were skipped"


def _reader(start: bytes) -> Callable[[bytes], Document]:
    if start[:1] in (b"{", b"["):
        return records.read
    if b"<OAI-PMH" in start:
        return oai.read
    return pubmed.read if b"<PubmedArticleSet" in start else feed.read


def _bounded(document: Document) -> Document:
    if len(document.entries) <= MOST_ENTRIES:
        return (
            document if document.note or not document.skipped else replace(document, note=_skipped(document))
        )
    note = f"{len(document.entries)} entries in one feed; only the first {MOST_ENTRIES} were read"
    return replace(document, entries=document.entries[:MOST_ENTRIES], whole=False, note=note)
