"""The operator's pages: closed to everybody else, they show why no mail came, and their buttons do it."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import insert, select, update

from digest.compose.message import Composer
from digest.engine.jobs import Step
from digest.engine.metrics import Metrics
from digest.engine.running import Lane
from digest.links import Links
from digest.models import SourceKind, SourceState, SubscriberStatus
from digest.pipeline import alarm, epoch
from digest.pipeline.compose import compose
from digest.pipeline.faults import keep_roster
from digest.storage import facts, passes
from digest.storage.database import Database
from digest.storage.tables import deliveries, sources, subscribers
from digest.web.admin import admin_routes
from digest.web.app import create_app
from digest.web.metrics import by_code
from digest.web.operator import Operator
from tests.deliver.scene import ledger
from tests.make import NOW, make_paper
from tests.pipeline.steps import announce, at, reload, send_all, subscribe
from tests.web.conftest import BASE
from tests.web.steps import words

TOKEN = "the-operators-token"
ORIGIN = {"Origin": BASE}


@dataclass
class Runs:
    """A service that stands still."""

    metrics: Metrics = field(default_factory=Metrics)
    woken: int = 0

    def lanes(self) -> Mapping[Step, Lane]:
        return {Step.INGEST: Lane(started_at=NOW, seconds=1.25, error="the disk is full")}

    def next_ticks(self) -> Mapping[str, datetime]:
        return {"ingest": NOW + timedelta(minutes=20)}

    def wake(self) -> None:
        self.woken += 1


@dataclass
class Office:
    """The pages, and a client without a cookie."""

    db: Database
    client: httpx2.AsyncClient
    runs: Runs

    async def sign_in(self) -> httpx2.Response:
        return await self.client.post("/admin/sign-in", data={"token": TOKEN}, headers=ORIGIN)

    async def press(self, page: str, **form: str) -> httpx2.Response:
        return await self.client.post(page, data=form, headers=ORIGIN, follow_redirects=True)


@asynccontextmanager
async def opened(db: Database) -> AsyncIterator[Office]:
    from digest.models import Site

    site = Site(name="Papers", sender="Papers <digest@papers.dev>", base_url=BASE, domain="papers.dev")
    links, runs = Links(BASE, ("a key for tests",)), Runs()
    operator = Operator(db=db, token=TOKEN, base_url=BASE, clock=lambda: NOW, service=runs)
    app = create_app(
        db,
        site=site,
        links=links,
        composer=lambda: Composer(site, links),
        clock=lambda: NOW,
        wake=runs.wake,
        more_routes=admin_routes(operator),
    )
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=True)
    async with httpx2.AsyncClient(transport=transport, base_url=BASE) as client:
        yield Office(db, client, runs)
        await app.state.front.catalogue.close()


@pytest.fixture
async def closed(db: Database) -> AsyncIterator[Office]:
    """Nobody has signed in."""
    async with opened(db) as office:
        yield office


@pytest.fixture
async def office(db: Database) -> AsyncIterator[Office]:
    """The operator has signed in."""
    async with opened(db) as office:
        await office.sign_in()
        yield office


async def issued(db: Database, number: int = 1):
    """A reader with one issue in the outbox."""
    reader = await subscribe(db, number)
    await announce(db, make_paper(1, title="language models"))
    await compose(db, clock=at(NOW))
    return reader


async def set_state(db: Database, state: str, **values: object) -> None:
    async with db.write() as conn:
        await conn.execute(update(deliveries).values(state=state, **values))


PAGES = ["/admin", "/admin/subscribers", "/admin/subscribers/1"]


@pytest.mark.parametrize("page", PAGES)
async def test_stranger_sees_the_sign_in_page_alone(closed: Office, page: str) -> None:
    await issued(closed.db)
    answer = await closed.client.get(page)
    assert answer.status_code == 401
    assert "Admin token" in answer.text
    assert "reader1@papers.dev" not in answer.text


async def test_a_broken_file_is_told_where_the_operator_looks(office: Office) -> None:
    await keep_roster(office.db, "subscribers.yaml:7: <sources> is no list", NOW)
    page = (await office.client.get("/admin")).text
    assert "subscribers.yaml:7: &lt;sources&gt; is no list" in page
    assert "All is running" not in page
    await keep_roster(office.db, None, NOW)
    assert "All is running" in (await office.client.get("/admin")).text


@pytest.mark.parametrize("page", ["/admin/sending", "/admin/deliveries", "/admin/subscribers/1"])
async def test_stranger_changes_nothing(closed: Office, page: str) -> None:
    reader = await issued(closed.db)
    for verb in ("stop", "drop", "remove"):
        answer = await closed.client.post(page, data={"verb": verb, "id": "all"}, headers=ORIGIN)
        assert answer.status_code == 401
    assert (await reload(closed.db, reader)).status is SubscriberStatus.ACTIVE


async def test_wrong_token_is_refused_and_tries_are_limited(closed: Office) -> None:
    answers = [
        await closed.client.post("/admin/sign-in", data={"token": f"guess {n}"}, headers=ORIGIN)
        for n in range(12)
    ]
    assert {answer.status_code for answer in answers} == {401}
    assert "Too many wrong tokens" in answers[-1].text
    assert "Too many" in (await closed.sign_in()).text  # also with the right one, for a minute


async def test_cookie_is_for_this_site_alone(closed: Office) -> None:
    cookie = (await closed.sign_in()).headers["set-cookie"].lower()
    assert all(word in cookie for word in ("httponly", "samesite=strict", "path=/admin"))


async def test_altered_cookie_is_no_cookie(closed: Office) -> None:
    await closed.sign_in()
    value = closed.client.cookies["digest_admin"]
    closed.client.cookies.set("digest_admin", value[:-1] + ("A" if value[-1] != "A" else "B"), path="/admin")
    closed.client.cookies.delete("digest_admin", domain="localhost.local", path="/admin")
    answer = await closed.client.get("/admin", headers={"Cookie": f"digest_admin={value[:-3]}abc"})
    assert answer.status_code == 401


async def test_foreign_host_is_refused_even_with_the_cookie(closed: Office) -> None:
    await closed.sign_in()
    answer = await closed.client.get("/admin", headers={"Host": "evil.example:8000"})
    assert answer.status_code == 421


@pytest.mark.parametrize("origin", [{"Origin": "https://evil.example"}, {"Origin": "null"}, {}])
async def test_form_of_another_site_changes_nothing(closed: Office, origin: dict[str, str]) -> None:
    await closed.sign_in()
    answer = await closed.client.post("/admin/sending", data={"verb": "stop"}, headers=origin)
    async with closed.db.read() as conn:
        assert (answer.status_code, await alarm.paused(conn)) == (403, None)


async def test_signing_out_ends_it(closed: Office) -> None:
    await closed.sign_in()
    await closed.client.post("/admin/sign-out", headers=ORIGIN)
    assert (await closed.client.get("/admin")).status_code == 401


async def test_program_needs_no_cookie(closed: Office) -> None:
    answer = await closed.client.get("/admin", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200


async def test_empty_installation_has_an_overview(office: Office) -> None:
    text = words(await office.client.get("/admin"))
    assert "All is running" in text
    assert "No source yet" in text


async def test_overview_tells_states_counts_and_ticks(office: Office) -> None:
    await issued(office.db)
    async with office.db.write() as conn:
        row = {"name": "arxiv:cs.CL", "family": "arxiv", "kind": SourceKind.ARXIV.value, "url": ""}
        row |= {
            "active": True,
            "failures": 3,
            "state": SourceState.FAILED.value,
            "error": "503 from the server",
        }
        await conn.execute(insert(sources).values(row))
        number = await passes.start(conn, NOW)
        summary = {"sources": [{"name": "arxiv:cs.CL", "new": 7}], "papers": 7}
        await passes.commit(conn, number, NOW, summary)
    page = await office.client.get("/admin")
    text = words(page)
    assert "arxiv:cs.CL failed" in text
    assert "503 from the server" in text
    assert "1 pending" in text
    assert "the disk is full" in text
    assert "arxiv:cs.CL, papers a day: " in page.text
    assert 'class="bars"' in page.text


async def test_reader_page_says_why_nothing_came(office: Office) -> None:
    reader = await subscribe(office.db, cut=99.0)
    await announce(office.db, make_paper(1, title="models of the weather in language"), make_paper(2))
    await compose(office.db, clock=at(NOW))
    text = words(await office.client.get(f"/admin/subscribers/{reader.id}"))
    assert "quiet" in text
    assert "2 new papers, best score" in text


async def test_reader_page_says_what_an_issue_waits_for(office: Office) -> None:
    reader = await subscribe(office.db)
    values = {"waiting_since": NOW, "next_issue_at": NOW + timedelta(hours=3)}
    async with office.db.write() as conn:
        await conn.execute(update(subscribers).values(values))
    text = words(await office.client.get(f"/admin/subscribers/{reader.id}"))
    assert "The issue of 2026-04-14 12:00 UTC waits" in text
    assert "2026-04-14 15:00 UTC at the latest" in text


async def test_search_finds_by_address_and_name_and_turns_pages(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("digest.web.admin.ROWS", 2)
    for number in range(1, 6):
        await subscribe(office.db, number)
    found = words(await office.client.get("/admin/subscribers", params={"q": "READER3@"}))
    assert ("reader3@" in found, "reader4@" in found) == (True, False)
    assert "Nobody with" in words(await office.client.get("/admin/subscribers", params={"q": "100%"}))
    first = await office.client.get("/admin/subscribers")
    assert ("reader2@" in first.text, "reader3@" in first.text, "More" in first.text) == (True, False, True)
    assert "reader3@" in (await office.client.get("/admin/subscribers", params={"after": "2"})).text


async def test_pause_and_resume_of_a_reader(office: Office) -> None:
    reader = await subscribe(office.db)
    await office.press(f"/admin/subscribers/{reader.id}", verb="pause")
    assert (await reload(office.db, reader)).status is SubscriberStatus.PAUSED
    page = await office.press(f"/admin/subscribers/{reader.id}", verb="resume")
    back = await reload(office.db, reader)
    assert (back.status, back.next_issue_at is not None) == (SubscriberStatus.ACTIVE, True)
    assert "Active again" in words(page)


async def test_removed_reader_is_gone(office: Office) -> None:
    reader = await issued(office.db)
    page = await office.press(f"/admin/subscribers/{reader.id}", verb="remove")
    assert "Removed." in words(page)
    assert "reader1@papers.dev" not in page.text


async def test_last_issue_is_sent_again(office: Office) -> None:
    reader = await issued(office.db)
    await send_all(office.db)
    page = await office.press(f"/admin/subscribers/{reader.id}", verb="resend")
    assert "on its way once more" in words(page)
    assert await ledger(office.db) == {"reader1@papers.dev": "pending"}
    assert office.runs.woken == 1


@pytest.mark.parametrize(("verb", "state"), [("resend", "pending"), ("drop", "expired")])
async def test_doubt_is_ended_by_a_button(office: Office, verb: str, state: str) -> None:
    await issued(office.db)
    await set_state(office.db, "uncertain", reply="dot: the link broke")
    overview = await office.client.get("/admin")
    assert "dot: the link broke" in overview.text
    async with office.db.read() as conn:
        number = await conn.scalar(select(deliveries.c.id))
    await office.press("/admin/deliveries", verb=verb, id=str(number))
    assert await ledger(office.db) == {"reader1@papers.dev": state}


async def test_all_sending_is_stopped_and_resumed(office: Office) -> None:
    stopped = words(await office.press("/admin/sending", verb="stop"))
    assert "Sending is paused" in stopped
    assert "stopped by the operator" in stopped
    assert "All is running" in words(await office.press("/admin/sending", verb="resume"))


@pytest.mark.parametrize("form", [{}, {"verb": "explode"}, {"verb": "resend"}, {"verb": "drop", "id": "x"}])
async def test_nonsense_does_nothing(office: Office, form: dict[str, str]) -> None:
    await issued(office.db)
    for page in ("/admin/sending", "/admin/deliveries", "/admin/subscribers/1", "/admin/subscribers/99"):
        answer = await office.press(page, **form)
        assert answer.status_code == 200
    assert await ledger(office.db) == {"reader1@papers.dev": "pending"}


async def test_get_changes_nothing(office: Office) -> None:
    await issued(office.db)
    before = await ledger(office.db)
    for page in (*PAGES, "/admin?verb=stop", "/admin/subscribers/1?verb=remove", "/metrics"):
        await office.client.get(page)
    assert await ledger(office.db) == before
    for page in ("/admin/sending", "/admin/deliveries", "/admin/sign-out"):
        assert (await office.client.get(page)).status_code == 405


async def test_hostile_names_are_text(office: Office) -> None:
    await subscribe(office.db, name="<script>alert(1)</script>")
    page = await office.client.get("/admin/subscribers")
    assert "<script>alert" not in page.text
    assert "&lt;script&gt;alert" in page.text


async def test_metrics_need_the_token_and_are_well_formed(office: Office) -> None:
    await issued(office.db)
    assert (await office.client.get("/metrics")).status_code == 401
    answer = await office.client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    found = {family.name: family for family in text_string_to_metric_families(answer.text)}
    pending = [s.value for s in found["digest_outbox"].samples if s.labels["state"] == "pending"]
    assert pending == [1.0]
    assert found["digest_subscribers"].samples[0].labels == {"status": "active"}
    assert found["digest_day_consents"].samples[0].labels == {"event": "asked"}
    assert "reader1" not in answer.text


def test_deferrals_are_counted_by_code() -> None:
    replies = [
        "rcpt: 450 4.2.0 greylisted",
        "rcpt: 450 4.2.0 again",
        "data: 451 try later",
        "connect: refused",
    ]
    assert by_code(replies) == {"450 4.2.0": 2, "451": 1, "none": 1}


async def test_moved_database_offers_no_way_to_send_from_it(office: Office) -> None:
    async with office.db.write() as conn:
        await facts.keep(conn, epoch.HOME, epoch.mark({"epoch": 3}, "to PostgreSQL", NOW), NOW)
    page = (await office.client.get("/admin")).text
    assert "moved to PostgreSQL on 2026-04-" in page
    assert not [verb for verb in ("skip", "confirm") if f'value="{verb}"' in page]
    assert "nothing to do" in (await office.press("/admin/sending", verb="confirm")).text
    assert await epoch.held(office.db)
