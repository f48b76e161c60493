"""Every fault of the recorded feeds' server ends in the right state, and the next good answer heals it.

Uses ../shared/feedserver.py where it is; the same faults are made one by one in test_fetch and test_ingest.
"""

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from digest.ingest.fetch import Fetcher, Limits
from digest.models import Source, SourceKind, SourceState
from digest.pipeline.ingest import IngestReport, ingest
from digest.storage.database import Database
from tests.make import NOW

DAY = "2026-04-14"
LIMITS = Limits(seconds=1.5, size=4 * 2**20, attempts=2, patience=1.0)

FAULTS = [
    # fault, state, words of the sentence, papers
    ("status code=404", SourceState.FAILED, "answered 404", "none"),
    ("status code=500", SourceState.FAILED, "answered 500", "none"),
    ("status code=503 retry_after=60", SourceState.FAILED, "asks to wait 60 seconds", "none"),
    ("status code=429 body=hostile/not-a-feed/rate-exceeded.txt", SourceState.FAILED, "answered 429", "none"),
    ("redirect to=self", SourceState.FAILED, "circle", "none"),
    ("redirect to=http://169.254.169.254/latest", SourceState.FAILED, "not on the public internet", "none"),
    ("redirect to=file:///etc/passwd", SourceState.FAILED, "refused", "none"),
    ("delay seconds=5", SourceState.FAILED, "no whole answer within", "none"),
    ("slow chunk=64 pause=0.5", SourceState.FAILED, "no whole answer within", "none"),
    ("truncate at=0.5", SourceState.FRESH, "broke off", "some"),
    ("short at=0.5", SourceState.FRESH, "broke off", "some"),
    ("endless", SourceState.FAILED, "larger than 4 MB", "none"),
    ("bomb", SourceState.FAILED, "larger than 4 MB", "none"),
    ("badgzip", SourceState.FAILED, "says that it is gzip", "none"),
    ("type value=text/html", SourceState.FRESH, None, "all"),
    ("html", SourceState.FAILED, "web page", "none"),
    ("empty", SourceState.FAILED, "empty", "none"),
    ("reset", SourceState.FAILED, "connection failed", "none"),
    ("reset times=1", SourceState.FRESH, None, "all"),
    ("novalidators", SourceState.FRESH, None, "all"),
    ("file path=hostile/not-a-feed/opml.xml", SourceState.FAILED, "not a feed", "none"),
]


@pytest.fixture(scope="module")
def feeds(shared: Path | None) -> Iterator[Any]:
    if shared is None:
        yield None
        return
    spec = importlib.util.spec_from_file_location("feedserver", shared / "feedserver.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules["feedserver"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with module.FeedServer(shared / "feeds", maps=[f"/atom/*=replay/{DAY}/*.xml"]) as server:
        yield server


async def run(db: Database, server: Any) -> IngestReport:
    url = f"{server.url}/atom/cs.CL"
    source = Source(name="arxiv:cs.CL", family="arxiv", kind=SourceKind.ARXIV, url=url, open=True)
    return await ingest(db, [source], clock=lambda: NOW, fetcher=Fetcher(LIMITS))


@pytest.mark.parametrize(("fault", "state", "words", "papers"), FAULTS, ids=[fault[0] for fault in FAULTS])
async def test_fault_has_its_state_and_sentence_and_is_healed(
    db: Database, feeds: Any, fault: str, state: SourceState, words: str | None, papers: str
) -> None:
    if feeds is None:
        return
    feeds.set_faults([f"/atom/* {fault}"])
    report = await run(db, feeds)
    (source,) = report.sources
    assert source.state is state
    assert (words in source.error if source.error else None) is (True if words else None)
    assert {"none": report.papers == 0, "some": 0 < report.papers < 366, "all": report.papers == 366}[papers]
    feeds.set_faults([])
    if "retry_after" in fault:
        return  # the server asked for rest: test_ingest shows that it gets it
    report = await run(db, feeds)
    assert (report.papers, report.sources[0].error) == (366, None)
    assert report.sources[0].state is SourceState.FRESH
