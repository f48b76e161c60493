"""arXiv's API and OAI-PMH made from recorded feeds, for the tests of filling gaps."""

import re
from collections.abc import Mapping
from datetime import date, timedelta
from urllib.parse import parse_qs, urlsplit
from xml.sax.saxutils import escape

from . import oracle
from .origin import Page

PAGE = 70  # rows of OAI-PMH a page: small, so that tokens are followed


class Archive:
    """Holds days of feeds; answers like `export.arxiv.org`, whatever the version asked for."""

    def __init__(self, days: Mapping[str, Mapping[str, bytes]], *, limit: int = 2_000) -> None:
        self.limit = limit
        self.record = _raw
        self.rows: list[tuple[str, str, oracle.Item]] = [
            (day, feed, item)
            for day, feeds in days.items()
            for feed, body in feeds.items()
            if feed != "huggingface"
            for item in oracle.items(body)
        ]

    def api(self, path: str) -> Page:
        query = {key: values[0] for key, values in parse_qs(urlsplit(path).query).items()}
        if "id_list" in query:
            wanted = set(query["id_list"].split(","))
            found = {item.id: (day, item) for day, _, item in self.rows if item.id in wanted}
        else:
            category = re.findall(r"cat:(\S+)", query["search_query"])[0]
            first, last = re.findall(r"\[(\d{8})\d{4} TO (\d{8})\d{4}\]", query["search_query"])[0]
            found = {}
            for day, feed, item in self.rows:
                if feed == category and first <= day.replace("-", "") <= last:
                    best = found.get(item.id)
                    found[item.id] = best if best and best[1].version >= item.version else (day, item)
        start, size = int(query.get("start", 0)), min(int(query["max_results"]), self.limit)
        rows = list(found.values())
        entries = "".join(map(_entry, rows[start : start + size]))
        return Page(
            '<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom" '
            'xmlns:opensearch="http://a9.com/-/spec/opensearch/1.1/" '
            'xmlns:arxiv="http://arxiv.org/schemas/atom">'
            f"<title>arXiv Query</title><id>x</id>"
            f"<opensearch:totalResults>{len(rows)}</opensearch:totalResults>"
            f"{entries}</feed>".encode()
        )

    def oai(self, path: str) -> Page:
        query = {key: values[0] for key, values in parse_qs(urlsplit(path).query).items()}
        if query["verb"] == "GetRecord":
            found = [self.record(item) for _, _, item in self.rows if query["identifier"].endswith(item.id)]
            return _oai(found[0] if found else '<error code="idDoesNotExist"/>')
        if token := query.get("resumptionToken"):
            start, feed, first, last = token.split("|")
        else:
            start, feed = "0", query["set"].replace("cs:cs:", "cs.")
            first, last = query["from"], query["until"]
        ids = {item.id for day, name, item in self.rows if name == feed and first <= day <= last}
        known = sorted((item for day, _, item in self.rows if day <= last), key=lambda one: one.version)
        newest = {item.id: item for item in known}  # a record per paper, as it is now
        rows = [newest[identifier] for identifier in sorted(ids)]
        page = rows[int(start) : int(start) + PAGE]
        more = int(start) + PAGE < len(rows)
        token = f"{int(start) + PAGE}|{feed}|{first}|{last}" if more else ""
        records = "".join(map(self.record, page))
        return _oai(f"<ListRecords>{records}<resumptionToken>{token}</resumptionToken></ListRecords>")

    def plain(self, path: str) -> Page:
        """OAI-PMH without versions, whatever is asked for."""
        self.record = _plain
        return self.oai(path)


def _oai(inner: str) -> Page:
    root = '<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/">'
    return Page(f'<?xml version="1.0"?>{root}{inner}</OAI-PMH>'.encode())


def _entry(row: tuple[str, oracle.Item]) -> str:
    day, item = row
    published = date.fromisoformat(day) - timedelta(days=1 if item.kind in ("new", "cross") else 200)
    return (
        f"<entry><id>http://arxiv.org/abs/{item.id}v{item.version}</id><title>{escape(item.title)}</title>"
        f"<published>{published}T10:00:00Z</published><updated>{day}T10:00:00Z</updated>"
        f"<summary>{escape(item.abstract)}</summary><author><name>Ada Lovelace</name></author>"
        f'<arxiv:primary_category term="cs.CL"/><category term="cs.CL"/></entry>'
    )


def _raw(item: oracle.Item) -> str:
    versions = "".join(
        f'<version version="v{n}"><date>Mon, {n % 27 + 1} Apr 2026 10:00:00 GMT</date></version>'
        for n in range(1, item.version + 1)
    )
    return (
        f"<record><header><identifier>oai:arXiv.org:{item.id}</identifier></header><metadata>"
        f'<arXivRaw xmlns="http://arxiv.org/OAI/arXivRaw/"><id>{item.id}</id>{versions}'
        f"<title>{escape(item.title)}</title><authors>Ada Lovelace, Emmy Noether</authors>"
        f"<categories>cs.CL</categories><abstract>{escape(item.abstract)}</abstract></arXivRaw>"
        f"</metadata></record>"
    )


def _plain(item: oracle.Item) -> str:
    return (
        f"<record><header><identifier>oai:arXiv.org:{item.id}</identifier></header><metadata>"
        f'<arXiv xmlns="http://arxiv.org/OAI/arXiv/"><id>{item.id}</id><created>2026-04-20</created>'
        f"<title>{escape(item.title)}</title><abstract>{escape(item.abstract)}</abstract>"
        f"<authors><author><keyname>Lovelace</keyname><forenames>Ada</forenames></author></authors>"
        f"<categories>cs.CL</categories></arXiv></metadata></record>"
    )
