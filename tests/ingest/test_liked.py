"""Papers that readers like and no source brought: fetched by their ids, each from who knows it."""

import json
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import insert

from digest.ingest.fetch import Fetcher
from digest.ingest.registries import Registry, registries, rest
from digest.match.index import build_index
from digest.match.rank import rank
from digest.models import Paper, Source, SourceKind
from digest.pipeline.ingest import ingest
from digest.pipeline.liked import asked_of, unknown
from digest.storage.database import Database
from digest.storage.papers import by_ids
from digest.storage.tables import subscribers, topics
from digest.storage.wanted import all_wanted
from tests.make import NOW, make_paper, make_topic

from . import oracle, week
from .archive import Archive
from .origin import Origin, Page
from .test_gaps import quick

PREPRINT, MEDICAL, ARTICLE = "10.1101/2024.11.09.622759", "10.64898/2026.01.02.26300001", "10.7717/peerj.4375"
GENOME = "10.1101/gr.214874.116"  # a journal under the prefix of the preprints
WORKS = {ARTICLE: "The state of open access", GENOME: "Genomes of everything", "10.1002/a,b": "With a comma"}


class Services:
    """The APIs of arXiv, bioRxiv, medRxiv and Crossref on one origin."""

    def __init__(self, origin: Origin) -> None:
        self.origin, self.recorded = origin, week.load(week.SMALL)
        origin.answer = {"/api/query": Archive(self.recorded).api, "/works": self.works}
        for server, doi in (("biorxiv", PREPRINT), ("medrxiv", MEDICAL)):
            record = {
                "doi": doi,
                "title": f"A preprint of {server}",
                "version": "2",
                "authors": "Xu, A.; Li, B.",
            }
            origin.pages[f"/details/{server}/{doi}/na/json"] = answer([record | {"abstract": "We do it."}])
        origin.pages["/works/10.1002%2Fa%2Cb"] = Page(work("10.1002/a,b"))

    @property
    def registries(self) -> tuple[Registry, ...]:
        url = self.origin.url
        return registries(f"{url}/api/query", f"{url}/details", f"{url}/works")

    def works(self, path: str) -> Page:
        wanted = parse_qs(urlsplit(path).query)["filter"][0].removeprefix("doi:").split(",doi:")
        found = [json.loads(work(doi))["message"] for doi in wanted if doi in WORKS]
        return Page(json.dumps({"status": "ok", "message": {"items": found}}).encode())

    def asked(self) -> list[str]:
        return [path for path, _ in self.origin.requests]


def work(doi: str) -> bytes:
    record = {"DOI": doi.upper(), "title": [WORKS[doi]], "abstract": "<jats:p>All of it.</jats:p>"}
    return json.dumps(
        {"status": "ok", "message": record | {"author": [{"given": "Ada", "family": "Xu"}]}}
    ).encode()


def answer(records: list[dict[str, str]]) -> Page:
    return Page(json.dumps({"messages": [{"status": "ok"}], "collection": records}).encode())


@pytest.fixture
def services(origin: Origin) -> Services:
    found, none = Services(origin), answer([])
    for server in ("biorxiv", "medrxiv"):
        for doi in (PREPRINT, MEDICAL, "10.1101/999999"):
            origin.pages.setdefault(f"/details/{server}/{doi}/na/json", none)
    return found


async def fetch(db: Database, services: Services, *, days: float = 0.0) -> None:
    at = NOW + timedelta(days=days)
    services.origin.requests.clear()
    await ingest(db, [], clock=lambda: at, fetcher=Fetcher(sleep=quick), registries=services.registries)


async def stored(db: Database, *ids: str) -> dict[str, Paper]:
    async with db.read() as conn:
        return await by_ids(conn, ids)


async def reader_who_likes(db: Database, *liked: str) -> None:
    values = {
        "email": "r@papers.dev",
        "address": "r@papers.dev",
        "token": "t",
        "name": "",
        "status": "active",
    }
    rest = {"weekdays": [], "at": "07:30", "zone": "UTC", "max_papers": 9, "cut": 50, "trending": 0}
    flags = {"revisions": False, "quiet_note": False, "in_file": False, "sources": [], "created_at": NOW}
    lists = {"keywords": [], "exclude": [], "authors": [], "categories": [], "disliked": []}
    async with db.write() as conn:
        done = await conn.execute(insert(subscribers).values(**values, **rest, **flags))
        row = {"position": 0, "name": "x", "about": "", "weight": 1.0, "liked": list(liked), **lists}
        await conn.execute(insert(topics).values(subscriber_id=done.inserted_primary_key[0], **row))


async def test_each_is_fetched_from_who_knows_it_once_and_never_announced(
    db: Database, services: Services
) -> None:
    item = next(one for one in oracle.items(services.recorded["2026-04-23"]["cs.AI"]) if one.kind == "new")
    typed = [
        item.id + "v1",
        f"https://www.biorxiv.org/content/{PREPRINT}v2.full",
        f"doi:{MEDICAL}v1",
        ARTICLE.upper(),
    ]
    await reader_who_likes(db, *typed, GENOME, "10.1002/A,B")
    await fetch(db, services)
    found = await stored(db, *typed, GENOME, "10.1002/a,b")
    assert [found[one].title for one in typed[1:]] == [
        "A preprint of biorxiv", "A preprint of medrxiv", "The state of open access",
    ]  # fmt: skip
    assert (len(found), found[typed[0]].abstract) == (6, item.abstract)
    assert {(one.eligible_pass, bool(one.abstract), bool(one.authors)) for one in found.values()} == {
        (None, True, True)
    }
    assert {one.families: one.open for one in found.values()} == {
        ("arxiv",): True, ("biorxiv",): True, ("medrxiv",): True, ("crossref",): False,
    }  # fmt: skip
    await fetch(db, services, days=9)
    assert services.asked() == []


async def test_a_liked_article_ranks_what_is_like_it_first(db: Database, services: Services) -> None:
    await reader_who_likes(db, ARTICLE)
    await fetch(db, services)
    papers = [make_paper(1, title="Open access: its state today"), make_paper(2, title="Robots that walk")]
    (ranked,) = rank(
        build_index(papers), [make_topic("x", liked=(ARTICLE,))], examples=await stored(db, ARTICLE)
    )
    assert [match.paper_id for match in ranked][:1] == [papers[0].id]


async def test_what_nobody_knows_is_told_and_asked_for_more_and_more_seldom(
    db: Database, services: Services
) -> None:
    await reader_who_likes(db, "2601.99999", "10.5281/zenodo.1", "10.1101/999999", "my favourite paper")
    asked = []
    for day in range(32):
        await fetch(db, services, days=day)
        asked.append(len(services.asked()))
    assert [day for day, count in enumerate(asked) if count] == [0, 1, 3, 7, 15, 31]
    assert asked[0] == 4  # arXiv, bioRxiv, medRxiv, and one request for both DOIs to Crossref
    said = await unknown(db)
    assert said[0].startswith("10.1101/999999: neither bioRxiv, medRxiv nor Crossref knows it; correct it")
    assert said[1].startswith(
        "10.5281/zenodo.1: Crossref does not know it; correct it or take it out; asked for"
    )
    assert said[2].startswith("2601.99999: arXiv does not know it")
    assert said[3] == "my favourite paper: neither an arXiv id nor a DOI; correct it or take it out"


async def test_arxivs_oai_is_asked_for_single_papers(db: Database, services: Services) -> None:
    item = oracle.items(services.recorded["2026-04-23"]["cs.AI"])[0]
    services.origin.answer["/oai2"] = Archive(services.recorded).oai
    await reader_who_likes(db, item.id, "2601.99999")
    oai = registries(services.origin.url + "/oai2", None, None)
    await ingest(db, [], clock=lambda: NOW, fetcher=Fetcher(sleep=quick), registries=oai)
    assert [one.title for one in (await stored(db, item.id)).values()] == [item.title]
    assert len(services.asked()) == 2
    assert "2601.99999: arXiv does not know it" in (await unknown(db))[0]


async def test_a_registry_that_refuses_rests_and_the_others_go_on(db: Database, services: Services) -> None:
    services.origin.answer["/works"] = lambda _: Page(b"", status=503, headers={"Retry-After": "7200"})
    await reader_who_likes(db, ARTICLE, PREPRINT)
    await fetch(db, services)
    assert set(await stored(db, ARTICLE, PREPRINT)) == {PREPRINT}
    assert "Crossref could not be asked yet: the server answered 503" in (await unknown(db))[0]
    await fetch(db, services, days=1 / 24)
    assert services.asked() == []
    services.origin.answer["/works"] = services.works
    await fetch(db, services, days=3 / 24)
    assert set(await stored(db, ARTICLE, PREPRINT)) == {ARTICLE, PREPRINT}
    async with db.read() as conn:
        assert await all_wanted(conn) == {}


async def test_one_odd_id_costs_no_other(db: Database, services: Services) -> None:
    def choosy(path: str) -> Page:
        return Page(b"", status=400) if "10.9999/odd" in path else services.works(path)

    services.origin.answer["/works"] = choosy
    await reader_who_likes(db, ARTICLE, GENOME, "10.9999/odd", "10.8888/nobody")
    await fetch(db, services)
    assert set(await stored(db, ARTICLE, GENOME)) == {ARTICLE, GENOME}
    assert len(await unknown(db)) == 2


async def test_who_asks_for_a_paper_no_more_is_not_reminded_of_it(db: Database, services: Services) -> None:
    await reader_who_likes(db, "10.5281/zenodo.1")
    await fetch(db, services)
    async with db.write() as conn:
        await conn.execute(topics.update().values(liked=[]))
    await fetch(db, services, days=9)
    async with db.read() as conn:
        assert await all_wanted(conn) == {}


def test_examples_and_copies_at_hand_ask_nobody_on_the_internet(origin: Origin) -> None:
    here = week.arxiv(origin, "cs.CL", backfill_url=origin.url + "/q")
    example = Source(name="example:arxiv", family="arxiv", kind=SourceKind.EXAMPLE, url="arxiv")
    journal = Source(name="J", family="J", kind=SourceKind.FEED, url="https://www.nature.com/nature.rss")
    assert asked_of([example]) == ()
    assert [one.address for one in asked_of([example, here])] == [origin.url + "/q"]
    assert [one.name for one in asked_of([journal])] == ["arXiv", "bioRxiv", "medRxiv", "Crossref"]


def test_rests_double_and_obey_the_server() -> None:
    assert rest(1, refused=False, retry_after=None) == timedelta(days=1)
    assert rest(99, refused=False, retry_after=None) == timedelta(days=30)
    assert rest(2, refused=True, retry_after=None) == timedelta(minutes=10)
    assert rest(99, refused=True, retry_after=None) == timedelta(hours=6)
    assert rest(1, refused=True, retry_after=86400.0) == timedelta(days=1)
