"""A web server on the loopback: pages, validators, gzip, and misbehaviour by page."""

import gzip
import hashlib
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self


@dataclass
class Page:
    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    validators: bool = True
    send: bytes | None = None  # exactly these bytes instead of an answer, then the connection is closed
    act: Callable[[socket.socket], None] | None = None


class Origin:
    """`with Origin() as origin: origin.pages["/a"] = Page(b"…")`; a list of pages is used up one by one."""

    def __init__(self) -> None:
        self.pages: dict[str, Page | list[Page]] = {}
        self.answer: dict[str, Callable[[str], Page]] = {}  # pages that depend on the query
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.sent = 0  # bytes of bodies
        origin = self

        class Handler(_Handler):
            server_origin = origin

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def page(self, path: str) -> Page:
        if answer := self.answer.get(path.partition("?")[0]):
            return answer(path)
        page = self.pages.get(path) or self.pages.get(path.partition("?")[0]) or Page(b"none", status=404)
        if isinstance(page, list):
            page = page.pop(0) if len(page) > 1 else page[0]
        return page


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_origin: Origin

    def do_GET(self) -> None:
        origin = self.server_origin
        origin.requests.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
        page = origin.page(self.path)
        if page.act or page.send is not None:
            if page.act:
                page.act(self.connection)
            self.wfile.write(page.send or b"")
            self.close_connection = True
            return
        tag = f'"{hashlib.sha256(page.body).hexdigest()[:16]}"'
        if page.validators and page.status == 200 and self.headers.get("If-None-Match") == tag:
            self.send_response(304)
            self.end_headers()
            return
        packed = "gzip" in self.headers.get("Accept-Encoding", "") and "Content-Encoding" not in page.headers
        body = gzip.compress(page.body) if packed else page.body
        self.send_response(page.status)
        if page.validators:
            self.send_header("ETag", tag)
        if packed:
            self.send_header("Content-Encoding", "gzip")
        for name, value in page.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        origin.sent += len(body)  # before the client can have it, and count
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass
