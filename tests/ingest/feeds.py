"""Feeds made by hand for the tests of parsing."""

import gzip
from pathlib import Path

from digest.ingest.parse import parse
from digest.models import Entry

DC = 'xmlns:dc="http://purl.org/dc/elements/1.1/"'
ITEM = (
    "<item><title>{title}</title><link>https://arxiv.org/abs/2604.0000{n}</link>"
    "<description>arXiv:2604.0000{n}v1 Announce Type: {kind} \nAbstract: {text}</description>"
    "<guid isPermaLink='false'>oai:arXiv.org:2604.0000{n}v1</guid><category>cs.CL</category>"
    "<dc:creator>{authors}</dc:creator></item>"
)


def rss(*items: str, end: str = "</channel></rss>") -> bytes:
    head = f'<?xml version="1.0"?><rss version="2.0" {DC}><channel><title>t</title>'
    return f"{head}{''.join(items)}{end}".encode()


def item(
    n: int = 1, text: str = "Text.", kind: str = "new", title: str = "A title", authors: str = "Ada Lovelace"
) -> str:
    return ITEM.format(n=n, text=text, kind=kind, title=title, authors=authors)


def entries(body: bytes) -> tuple[Entry, ...]:
    return parse(body).entries


def read(path: Path) -> bytes:
    body = path.read_bytes()
    return gzip.decompress(body) if path.suffix == ".gz" else body
