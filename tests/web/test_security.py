"""What holds for every page: looking changes nothing, other sites change nothing, nothing breaks it."""

import re
from collections.abc import AsyncIterator
from html import unescape
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from digest.compose.letters import Letters
from digest.compose.message import Composer
from digest.errors import BusyError
from digest.models import Message
from digest.pipeline import letters as letters_of
from digest.pipeline.compose import compose
from digest.pipeline.render import Renderer
from digest.storage.database import Database
from digest.storage.tables import metadata
from digest.web.app import ROUTES
from digest.web.front import truncated
from tests.make import make_paper, make_topic
from tests.pipeline.steps import announce, at
from tests.web.conftest import BASE, Place, opened
from tests.web.steps import active, delivery_of, open_letter, sign_up, words

POSTS = [route.path for route in ROUTES if isinstance(route, Route) and "POST" in (route.methods or ())]
OPEN_TO_ALL = "/unsubscribe/{token}"


async def furnished(place: Place) -> list[str]:
    """A reader with an issue, a sign-up that waits, a change of address; every signed link there is."""
    reader = await active(place, topics=(make_topic("bees"),), trending=1)
    await announce(place.db, make_paper(1, title="Dancing bees"), make_paper(2, title="Stars", votes=3))
    await compose(place.db, clock=at(place.now))
    await sign_up(place)
    manage = (place.links.manage(reader.id, place.now) or "").removeprefix(BASE)
    await place.client.post(f"{manage}/address", data={"email": "new@papers.dev"})
    return [manage, await open_letter(place), f"/unsubscribe/{reader.token}"]


async def mails(place: Place) -> list[Message]:
    """Everything in the outbox as the mails that would go out."""
    composer = Composer(place.app.state.front.site, place.links)
    maker = Letters(place.app.state.front.site)
    renderer = Renderer(
        place.db,
        composer,
        key="key",
        domain="papers.dev",
        letters=lambda delivery, mark: letters_of.write(maker, place.links, delivery, mark),
    )
    async with place.db.read() as conn:
        rows = [delivery_of(row) for row in await conn.execute(select(metadata.tables["deliveries"]))]
    found = (await renderer(rows)).values()
    assert all(isinstance(one, Message) for one in found)
    return [one for one in found if isinstance(one, Message)]


async def dump(db: Database) -> dict[str, list[str]]:
    """Every row of every table."""
    async with db.read() as conn:
        return {
            table.name: sorted(map(repr, (await conn.execute(select(table))).all()))
            for table in metadata.sorted_tables
        }


def links_in(text: str) -> set[str]:
    """Addresses of our own in a page or a mail."""
    found = {unescape(url) for url in re.findall(r'(?:href|action|src)="([^"]+)"', text)}
    found |= set(re.findall(rf"{BASE}[^\s<>\"]+", text))
    return {url.removeprefix(BASE) for url in found if url.startswith((BASE, "/"))}


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "PUT", "PATCH", "DELETE"])
async def test_only_a_post_changes_anything(place: Place, method: str) -> None:
    links = await furnished(place)
    links += [
        f"{links[0]}/delete",
        f"{links[0]}/address",
        (place.links.change(1, 1) or "").removeprefix(BASE),
    ]
    before = await dump(place.db)
    for path in links:
        await place.client.request(method, path, params={"like": "arxiv:2604.00001", "refuse": "1"})
    assert await dump(place.db) == before


async def test_crawler_that_follows_every_link_changes_nothing(place: Place) -> None:
    starts = set(await furnished(place))
    for message in await mails(place):
        starts |= links_in(message.html) | links_in(message.text)
    before, seen, waiting = await dump(place.db), set[str](), sorted(starts | {"/"})
    while waiting and len(seen) < 150:
        path = waiting.pop()
        seen.add(path)
        await place.client.head(path)
        page = await place.client.get(path)
        assert page.status_code < 500, path
        waiting += sorted(links_in(page.text) - seen - set(waiting))
    assert len(seen) > 25
    assert await dump(place.db) == before


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ],
)
async def test_forms_of_other_sites_are_refused(place: Place, path: str, headers: dict[str, str]) -> None:
    expected = {200} if path == OPEN_TO_ALL else {403}
    answer = await place.client.post(path.replace("{token}", "x"), headers=headers)
    assert answer.status_code in expected


@pytest.mark.parametrize(
    "headers", [{"Sec-Fetch-Site": "same-origin", "Origin": "null"}, {"Origin": BASE}, {}]
)
async def test_our_own_forms_are_taken(place: Place, headers: dict[str, str]) -> None:
    answer = await place.client.post("/preview", data={"topics": "bees"}, headers=headers)
    assert answer.status_code == 200


async def test_every_page_bears_the_headers_of_safety(place: Place) -> None:
    paths = await furnished(place)
    for path in [
        *paths,
        "/",
        "/trending",
        "/search",
        "/none",
        "/healthz",
        "/trending.atom",
        "/static/live.js",
    ]:
        headers = (await place.client.get(path)).headers
        assert "default-src 'none'" in headers["content-security-policy"], path
        assert "unsafe-inline" not in headers["content-security-policy"], path
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["x-content-type-options"] == "nosniff"
        assert "set-cookie" not in headers


async def test_no_page_holds_inline_script_or_foreign_address(place: Place) -> None:
    paths = await furnished(place)
    for path in [
        *paths,
        "/",
        "/trending",
        "/search?q=bees",
        "/privacy",
        "/imprint",
        "/paper/arxiv:2604.00001",
    ]:
        page = (await place.client.get(path)).text
        assert not re.search(r"<script(?![^>]*src=)|\son\w+=|style=|javascript:", page), path
        assert not re.search(r'(?:src|rel="(?:stylesheet|icon)" href)="https?:', page), path


async def test_token_of_one_purpose_opens_nothing_else(place: Place) -> None:
    reader = await active(place)
    links = place.links
    tokens = {
        "manage": links.manage(reader.id, place.now),
        "confirm": links.confirm(1, place.now),
        "change": links.change(1, 0),
        "feed": links.feed(reader.id),
        "issue": links.online(links.reader(reader.id, 1)),
    }
    for purpose, url in tokens.items():
        token = (url or "").rsplit("/", 1)[1]
        for other in {*tokens, "vote"} - {purpose, "vote" if purpose == "issue" else ""}:
            assert (await place.client.get(f"/{other}/{token}?like=x")).status_code == 404, (purpose, other)
            assert (await place.client.post(f"/{other}/{token}")).status_code in (404, 405)


async def test_large_bodies_are_refused(place: Place) -> None:
    assert (await place.client.post("/preview", content=b"topics=" + b"x" * 600_000)).status_code == 413
    fields = "&".join(f"f{n}=1" for n in range(2000))
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    assert (await place.client.post("/preview", content=fields, headers=headers)).status_code == 400


async def test_files_are_refused(place: Place) -> None:
    assert (await place.client.post("/link", files={"email": ("a.txt", b"x")})).status_code == 400


async def test_names_of_strangers_are_text(place: Place) -> None:
    hostile = '"><script>alert(1)</script>'
    page = await place.client.get("/", params={"topics": hostile, "email": hostile})
    assert "<script>alert" not in page.text
    assert "<script>alert" not in (await place.client.get("/search", params={"q": hostile})).text


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.77", "192.0.2.0/24"),
        ("2001:db8:1:2::3", "2001:db8:1::/48"),
        ("::ffff:192.0.2.77", "192.0.2.0/24"),
        ("testclient", "unknown"),
    ],
)
def test_networks_are_truncated(address: str, network: str) -> None:
    assert truncated(address) == network


async def test_configured_proxy_says_who_asks(db: Database) -> None:
    async with opened(db, trusted_proxies=("192.0.2.0/24",)) as place:
        for n in range(40):
            headers = {"X-Forwarded-For": f"203.0.113.9, 10.{n}.0.1"}
            page = await place.client.post("/link", data={"email": "a@papers.dev"}, headers=headers)
            assert page.status_code == 200


ODD = [
    "",
    "0",
    "-1",
    "1e309",
    "%",
    "\x00",
    "\u202e",
    "a@b.de",
    "../..",
    "2026-W16",
    "AAAA.BBBB",
    "9" * 30,
    "{{7*7}}",
]
TEXTS = st.text(max_size=40) | st.sampled_from(ODD)
FIELDS = st.sampled_from(
    """topics email days at zone trending welcome website stamp refuse action count paste cut max_papers pause
    name citations t0-name t0-weight t0-liked t0-about q source category since until page period part like
    dislike neither List-Unsubscribe source-arxiv""".split()  # noqa: SIM905
)
UNHURRIED = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)


@pytest.fixture
async def fuzzed(sqlite: Database) -> AsyncIterator[tuple[Place, list[str]]]:
    async with opened(sqlite) as place:
        links = await furnished(place)
        links += [(place.links.feed(1) or "").removeprefix(BASE), f"/vote/{place.links.reader(1, 1)}"]
        links += [f"/issue/{place.links.reader(1, 1)}", (place.links.change(1, 1) or "").removeprefix(BASE)]
        yield place, links


@UNHURRIED
@given(data=st.data())
async def test_no_request_breaks_the_pages(fuzzed: tuple[Place, list[str]], data: Any) -> None:
    place, links = fuzzed
    paths = [route.path for route in ROUTES if isinstance(route, Route)]
    path = data.draw(st.sampled_from([*paths, *links]))
    path = re.sub(r"\{.*?\}", lambda _: _quoted(data.draw(TEXTS)), path)
    fields = data.draw(st.dictionaries(FIELDS, TEXTS, max_size=8))
    method = data.draw(st.sampled_from(["GET", "POST", "HEAD", "PUT"]))
    sent = {"data": fields} if method == "POST" else {"params": fields}
    answer = await place.client.request(method, path, **sent)
    assert answer.status_code < 500, (method, path, fields)


def _quoted(text: str) -> str:
    from urllib.parse import quote

    return quote(text, safe="") or "x"


async def test_busy_database_is_said_as_such(sqlite: Database) -> None:
    async def busy(_request: Request) -> Response:
        raise BusyError("the database is locked")

    async with opened(sqlite, more_routes=[Route("/busy", busy)]) as place:
        page = await place.client.get("/busy")
    assert page.status_code == 503
    assert "The database is busy. Please try again in a minute." in words(page)
