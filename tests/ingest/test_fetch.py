"""Fetching: conditional, bounded, polite, and never led into the operator's own network."""

import asyncio
import gzip
import random
import socket
import struct
import threading

import pytest

from digest.errors import FetchError
from digest.ingest.body import retry_after
from digest.ingest.fetch import Fetcher, Limits

from .origin import Origin, Page


async def test_second_request_moves_no_body(origin: Origin, fetcher: Fetcher) -> None:
    origin.pages["/feed"] = Page(b"<feed/>")
    first = await fetcher.fetch(origin.url + "/feed")
    sent = origin.sent
    second = await fetcher.fetch(origin.url + "/feed", first.validators)
    assert (first.body, second.body, origin.sent) == (b"<feed/>", None, sent)
    assert second.validators == first.validators


async def test_identical_body_without_validators_is_no_news(origin: Origin, fetcher: Fetcher) -> None:
    origin.pages["/feed"] = Page(b"<feed/>", validators=False)
    first = await fetcher.fetch(origin.url + "/feed")
    assert (await fetcher.fetch(origin.url + "/feed", first.validators)).body is None


async def test_answers_are_asked_for_packed(origin: Origin, fetcher: Fetcher) -> None:
    origin.pages["/feed"] = Page(b"x" * 50_000)
    assert (await fetcher.fetch(origin.url + "/feed")).body == b"x" * 50_000
    assert origin.sent < 1_000
    assert origin.requests[0][1]["accept-encoding"] == "gzip"


async def test_bomb_is_noticed_before_it_goes_off(origin: Origin, fetcher: Fetcher) -> None:
    bomb = gzip.compress(b" " * 50_000_000)
    origin.pages["/bomb"] = Page(bomb, headers={"Content-Encoding": "gzip"})
    with pytest.raises(FetchError, match="larger than"):
        await fetcher.fetch(origin.url + "/bomb")


@pytest.mark.parametrize(
    ("page", "sentence"),
    [
        (Page(b"no", status=404), "answered 404"),
        (Page(b"no", status=503), "answered 503"),
        (Page(b"x" * 300_000), "larger than"),
        (Page(b"not gzip", headers={"Content-Encoding": "gzip"}), "says that it is gzip"),
        (Page(b"x", headers={"Content-Encoding": "br"}), "packed as 'br'"),
        (Page(send=b""), "connection failed"),
        (Page(send=b"SSH-2.0-OpenSSH\r\n"), "connection failed"),
    ],
)
async def test_bad_answer_is_one_sentence(
    origin: Origin, fetcher: Fetcher, page: Page, sentence: str
) -> None:
    origin.pages["/feed"] = page
    with pytest.raises(FetchError, match=sentence):
        await fetcher.fetch(origin.url + "/feed")


async def test_what_passes_by_itself_is_tried_again(origin: Origin, fetcher: Fetcher) -> None:
    origin.pages["/feed"] = [Page(send=b""), Page(b"<feed/>")]
    assert (await fetcher.fetch(origin.url + "/feed")).body == b"<feed/>"


async def test_short_retry_after_is_waited_for(origin: Origin, fetcher: Fetcher) -> None:
    origin.pages["/feed"] = [Page(status=429, headers={"Retry-After": "0"}), Page(b"<feed/>")]
    assert (await fetcher.fetch(origin.url + "/feed")).body == b"<feed/>"


async def test_long_retry_after_is_left_to_a_later_pass(origin: Origin, fetcher: Fetcher) -> None:
    origin.pages["/feed"] = Page(status=429, headers={"Retry-After": "600"})
    with pytest.raises(FetchError, match="asks to wait 600 seconds") as caught:
        await fetcher.fetch(origin.url + "/feed")
    assert (caught.value.retry_after, caught.value.status, len(origin.requests)) == (600, 429, 1)


def test_retry_after_as_a_date_is_read_by_the_servers_clock() -> None:
    now, later = "Tue, 14 Apr 2026 12:00:00 GMT", "Tue, 14 Apr 2026 12:02:00 GMT"
    assert retry_after(later, now) == 120
    assert retry_after(now, later) == 0
    assert retry_after("soon", now) is None
    assert retry_after("99999999999", now) == 7 * 86400


async def test_cut_answer_is_given_with_a_mark_and_without_validators(
    origin: Origin, fetcher: Fetcher
) -> None:
    origin.pages["/feed"] = Page(send=b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\nETag: "a"\r\n\r\n<feed>')
    fetched = await fetcher.fetch(origin.url + "/feed")
    assert (fetched.body, fetched.cut, fetched.validators.etag) == (b"<feed>", True, None)
    assert len(origin.requests) == 2


async def test_cut_gzip_gives_what_came(origin: Origin, fetcher: Fetcher) -> None:
    body = random.Random(1).randbytes(10_000)
    packed = gzip.compress(body)[:-200]
    origin.pages["/feed"] = Page(packed, headers={"Content-Encoding": "gzip"})
    fetched = await fetcher.fetch(origin.url + "/feed")
    assert fetched.cut
    assert fetched.body is not None
    assert body.startswith(fetched.body)


async def test_slow_answer_ends_at_the_deadline(origin: Origin) -> None:
    def dawdle(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        while not gone.wait(0.05):
            connection.sendall(b".")

    gone = threading.Event()
    origin.pages["/feed"] = Page(act=dawdle)
    async with Fetcher(Limits(seconds=0.3)) as fetcher:
        with pytest.raises(FetchError, match="no whole answer within"):
            await fetcher.fetch(origin.url + "/feed")
    gone.set()


async def test_reset_connection_is_a_fetch_error(origin: Origin, fetcher: Fetcher) -> None:
    def reset(connection: socket.socket) -> None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    origin.pages["/feed"] = Page(act=reset)
    with pytest.raises(FetchError, match="connection failed"):
        await fetcher.fetch(origin.url + "/feed")


async def test_redirects_within_the_host_are_followed(origin: Origin, fetcher: Fetcher) -> None:
    origin.pages["/old"] = Page(status=301, headers={"Location": "/new"})
    origin.pages["/new"] = Page(b"<feed/>")
    assert (await fetcher.fetch(origin.url + "/old")).body == b"<feed/>"


@pytest.mark.parametrize(
    ("location", "sentence"),
    [
        ("/feed", "circle"),
        ("", "refused"),
        ("file:///etc/passwd", "refused"),
        ("ftp://example.org/a", "refused"),
        ("http://user:secret@example.org/a", "refused"),
        ("http://127.0.0.1/feed", "not on the public internet"),
        ("http://127.0.0.1:22/", "port 22"),
        ("http://localhost/", "not on the public internet"),
        ("http://10.0.0.7/", "not on the public internet"),
        ("http://169.254.169.254/latest/meta-data/", "not on the public internet"),
        ("http://[::1]/", "not on the public internet"),
        ("http://[::ffff:127.0.0.1]/", "not on the public internet"),
        ("http://[64:ff9b::7f00:1]/", "not on the public internet"),
        ("http://2130706433/", "not on the public internet"),
        ("http://0x7f.1/", "not on the public internet"),
        ("http://0/", "not on the public internet"),
    ],
)
async def test_redirect_out_of_bounds_is_refused(
    origin: Origin, fetcher: Fetcher, location: str, sentence: str
) -> None:
    origin.pages["/feed"] = Page(status=302, headers={"Location": location})
    with pytest.raises(FetchError, match=sentence):
        await fetcher.fetch(origin.url + "/feed")


async def test_a_trusted_host_lends_no_connection_to_others(origin: Origin, fetcher: Fetcher) -> None:
    with Origin() as inner:
        inner.pages["/secret"] = Page(b"secret")
        await fetcher.fetch(inner.url + "/secret")  # its own source: allowed, and kept alive
        origin.pages["/feed"] = Page(status=302, headers={"Location": inner.url + "/secret"})
        with pytest.raises(FetchError, match="refused"):
            await fetcher.fetch(origin.url + "/feed")
        assert len(inner.requests) == 1


@pytest.mark.parametrize("url", ["gopher://x/", "http://", "nothing", "http://[::1", "http://a b/"])
async def test_odd_address_is_a_fetch_error(fetcher: Fetcher, url: str) -> None:
    with pytest.raises(FetchError):
        await fetcher.fetch(url)


async def test_one_request_at_a_time_per_host_with_its_pause(origin: Origin) -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    origin.pages["/feed"] = Page(b"<feed/>")
    async with Fetcher(sleep=sleep) as fetcher:
        await asyncio.gather(*(fetcher.fetch(origin.url + "/feed", pause=3.0) for _ in range(3)))
    assert [round(seconds) for seconds in waits] == [3, 3]


async def test_file_is_read_and_missing_one_named(fetcher: Fetcher, tmp_path: object) -> None:
    path = tmp_path / "a b.xml"  # type: ignore[operator]
    path.write_bytes(b"<feed/>")
    fetched = await fetcher.fetch(path.as_uri())
    assert fetched.body == b"<feed/>"
    assert (await fetcher.fetch(path.as_uri(), fetched.validators)).body is None
    with pytest.raises(FetchError, match="cannot be read"):
        await fetcher.fetch(path.as_uri() + "x")
