"""`/metrics` for Prometheus: the counters of this process, and what the database says at this moment."""

import re
from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from digest import __version__
from digest.pipeline import alarm
from digest.pipeline.tally import Tally
from digest.storage import operations, passes, queue, rates
from digest.web.front import front
from digest.web.operator import Operator

_CODE = re.compile(r"\b([45]\d\d)\b(?: (\d\.\d{1,3}\.\d{1,3}))?")


async def metrics(operator: Operator, request: Request) -> Response:
    """Both registries as text."""
    gauges = await _gauges(operator, await front(request).tallies.newest())
    body = generate_latest(operator.service.metrics.registry) + generate_latest(gauges)
    return Response(body, media_type=CONTENT_TYPE_LATEST, headers={"Cache-Control": "no-store"})


async def no_metrics(_operator: Operator, _request: Request) -> Response:
    """For whoever has no token."""
    sentence = "Send the token: Authorization: Bearer …\n"
    return PlainTextResponse(sentence, status_code=401, headers={"WWW-Authenticate": "Bearer"})


async def _gauges(operator: Operator, tally: Tally) -> CollectorRegistry:
    """What is read at each scrape, and what was counted last of the rest."""
    now, registry = operator.clock(), CollectorRegistry()
    async with operator.db.read() as conn:
        outbox = await operations.outbox(conn, now)
        last = await passes.last(conn)
        bounced, complained = await rates.trouble(conn, now - alarm.SPAN)
        paused = await alarm.paused(conn)
        states = await operations.all_sources(conn)
        codes = by_code(await operations.deferred_codes(conn))
        waiting = await operations.waiting_issues(conn)
        consents = await operations.consents_since(conn, now - alarm.SPAN)
        if not operator.db.is_sqlite:
            await _queue(registry, conn)
    _one(registry, "digest_info", "The version that runs.", 1, version=__version__)
    _one(registry, "digest_sending_paused", "1 while nothing is sent.", int(paused is not None))
    _one(registry, "digest_outbox_oldest_seconds", "Age of what is due.", _age(outbox.oldest_due_at, now))
    ended_at = last["committed_at"] if last else None
    _one(registry, "digest_last_pass_seconds", "Age of the newest pass.", _age(ended_at, now))
    _one(registry, "digest_issues_waiting", "Issues that wait for a late batch.", waiting)
    _one(registry, "digest_day_mailed", "Issues handed over, of the last 24 hours.", tally.mailed)
    _one(registry, "digest_day_bounced", "Dead addresses of the last 24 hours.", bounced)
    _one(registry, "digest_day_complaints", "Complaints of the last 24 hours.", complained)
    deliveries = {**tally.states(), **outbox.by_state}  # settled ones: issues of the last 30 days
    _many(registry, "digest_outbox", "Deliveries by state.", "state", deliveries.items())
    _many(registry, "digest_deferred", "Deferred deliveries by reply.", "code", codes.items())
    _many(registry, "digest_day_consents", "What readers said in 24 hours.", "event", consents.items())
    _many(registry, "digest_subscribers", "Subscribers by status.", "status", tally.readers.items())
    source = Gauge(
        "digest_source_state", "1 for the state of a source.", ["source", "state"], registry=registry
    )
    for one in states:
        source.labels(one["name"], one["state"] or "never asked").set(1)
    return registry


async def _queue(registry: CollectorRegistry, conn: AsyncConnection) -> None:
    """Past one machine: what the workers have before them, and whether there are any."""
    _one(registry, "digest_workers", "Workers that are alive.", await queue.workers(conn))
    waiting = await queue.waiting(conn)
    _many(registry, "digest_queue_jobs", "Jobs that wait, by queue.", "queue", waiting.items())


def by_code(replies: Iterable[str]) -> Counter[str]:
    """Replies of servers -> how many of each code, such as "450 4.2.0"; "none" where no server spoke."""
    return Counter(_code(reply) for reply in replies)


def _code(reply: str) -> str:
    found = _CODE.search(reply)
    return " ".join(part for part in found.groups() if part) if found else "none"


def _age(at: datetime | None, now: datetime) -> float:
    return max((now - at).total_seconds(), 0.0) if at else 0.0


def _one(registry: CollectorRegistry, name: str, text: str, value: float, **labels: str) -> None:
    gauge = Gauge(name, text, list(labels), registry=registry)
    (gauge.labels(**labels) if labels else gauge).set(value)


def _many(
    registry: CollectorRegistry, name: str, text: str, label: str, values: Iterable[tuple[str, int]]
) -> None:
    gauge = Gauge(name, text, [label], registry=registry)
    for key, number in values:
        gauge.labels(key).set(number)
