"""The operator's pages: why no mail came, on one screen. GET shows, POST does, each through one function."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from digest import __version__
from digest.errors import HeldError
from digest.pipeline import alarm, epoch, faults, late, operate
from digest.pipeline import tally as tally_of
from digest.schedule import describe
from digest.storage import facts, operations, overview, passes, rates, subscribers
from digest.storage.batches import batches
from digest.web import charts
from digest.web.front import form_of, front
from digest.web.metrics import metrics, no_metrics
from digest.web.operator import Operator, Page, guarded, refused
from digest.web.pages import PRIVATE

#: With `no-referrer`, as on all other pages, browsers send `Origin: null` and no button would work. The
#: addresses of these pages hold no secret.
_HEADERS = PRIVATE | {"Referrer-Policy": "same-origin"}

#: Rows of the lists.
ROWS, HISTORY = 50, 30

#: What a page says after a change; addresses name a sentence, never carry one.
SAID = {
    "paused": "Paused.",
    "resumed": "Active again: one issue for the gap comes at the next time of the schedule.",
    "removed": "Removed.",
    "again": "It is on its way once more.",
    "dropped": "Dropped.",
    "stopped": "Nothing is sent until you press Send again.",
    "sending": "Sending goes on.",
    "nothing": "There was nothing to do.",
}


def admin_routes(operator: Operator) -> list[BaseRoute]:
    """Routes of the operator's pages and of /metrics."""
    close = partial(guarded, operator, sign_in=_sign_in_page)
    return [
        Route("/admin", close(_overview)),
        Route("/admin/sign-in", _open(operator, _sign_in), methods=["POST"]),
        Route("/admin/sign-out", close(_sign_out), methods=["POST"]),
        Route("/admin/sending", close(_sending), methods=["POST"]),
        Route("/admin/deliveries", close(_deliveries), methods=["POST"]),
        Route("/admin/subscribers", close(_subscribers)),
        Route("/admin/subscribers/{reader:int}", close(_subscriber)),
        Route("/admin/subscribers/{reader:int}", close(_change), methods=["POST"]),
        Route("/metrics", guarded(operator, metrics, no_metrics)),
    ]


def _open(operator: Operator, page: Page) -> Callable[[Request], Awaitable[Response]]:
    """A form that needs no cookie, but our own address."""

    async def endpoint(request: Request) -> Response:
        return refused(operator, request) or await page(operator, request)

    return endpoint


async def _sign_in_page(_operator: Operator, request: Request, wrong: str = "") -> Response:
    return _page(request, "sign_in.html", status=401, wrong=wrong)


async def _sign_in(operator: Operator, request: Request) -> Response:
    if not await operator.may_try():
        return await _sign_in_page(operator, request, "Too many wrong tokens; wait a minute.")
    if operator.knows((await form_of(request)).get("token", "")):
        return operator.sign_in()
    await operator.count_failure()
    return await _sign_in_page(operator, request, "This is not the token. `digest serve` printed it.")


async def _sign_out(operator: Operator, _request: Request) -> Response:
    return operator.sign_out()


async def _overview(operator: Operator, request: Request) -> Response:
    now = operator.clock()
    tally = await front(request).tallies.newest()
    async with operator.db.read() as conn:
        found: dict[str, Any] = {
            "sources": await operations.all_sources(conn),
            "outbox": await operations.outbox(conn, now),
            "troubled": await operations.troubled(conn, ROWS),
            "paused": await alarm.paused(conn),
            "broken": await facts.fact(conn, faults.ROSTER),
            "last_pass": await passes.last(conn),
            "next_issue_at": await subscribers.next_due_at(conn),
            "waiting": await operations.waiting_issues(conn),
            "awaited": late.awaited(await batches(conn, late.CALENDARS), now),
        }
        bounced, complained = await rates.trouble(conn, now - alarm.SPAN)
        brought = await operations.papers_a_day(conn, now - timedelta(days=tally_of.DAYS))
    days = charts.last_days(now.date(), tally_of.DAYS)
    sparks = {
        name: charts.sparkline([counts.get(day, 0) for day in days], f"{name}, papers a day")
        for name, counts in brought.items()
    }
    chart = charts.bars(days, tally.days, f"Issues of the last {tally_of.DAYS} days by what became of them")
    return _page(
        request,
        "overview.html",
        **found,
        now=now,
        tally=tally,
        rates=_rates(bounced, complained, tally.mailed),
        settled=[one for one in tally.states().items() if one[0] not in operations.UNSETTLED],
        held=await epoch.held(operator.db),
        sparks=sparks,
        chart=chart,
        legend=charts.legend(),
        table=_table(tally.days),
        lanes=_lanes(operator),
    )


def _rates(bounced: int, complained: int, mailed: int) -> dict[str, str]:
    """Bounces and complaints of a day, as shares of what was mailed."""
    shares = {"Bounces": (bounced, 1), "Complaints": (complained, 2)}
    return {
        name: f"{number:,} of {mailed:,}" + (f" ({100 * number / mailed:.{digits}f} %)" if mailed else "")
        for name, (number, digits) in shares.items()
    }


def _table(found: Mapping[Any, Mapping[str, int]]) -> list[tuple[Any, Mapping[str, int]]]:
    """The chart as rows, the newest day first; days without an issue are left out."""
    return sorted(((day, states) for day, states in found.items() if states), reverse=True)


def _lanes(operator: Operator) -> list[dict[str, Any]]:
    ticks = operator.service.next_ticks()
    return [
        {
            "step": step.value,
            "next_at": ticks.get(step.value),
            "started_at": lane.started_at,
            "seconds": lane.seconds,
            "error": lane.error,
        }
        for step, lane in operator.service.lanes().items()
    ]


async def _sending(operator: Operator, request: Request) -> Response:
    verb, now = (await form_of(request)).get("verb"), operator.clock()
    if verb == "stop":
        await alarm.pause(operator.db, "stopped by the operator", now)
        return _back(operator, "", "stopped")
    if verb == "resume":
        await alarm.resume(operator.db, now)
    elif verb in ("confirm", "skip"):
        try:
            await epoch.confirm(operator.db, now, skip=verb == "skip")
        except HeldError:  # it moved away: the page says so
            return _back(operator, "", "nothing")
    else:
        return _back(operator, "", "nothing")
    operator.service.wake()
    return _back(operator, "", "sending")


async def _deliveries(operator: Operator, request: Request) -> Response:
    form = await form_of(request)
    resend, which = form.get("verb") == "resend", form.get("id", "")
    if form.get("verb") not in ("resend", "drop") or not (which == "all" or which.isdecimal()):
        return _back(operator, "", "nothing")
    async with operator.db.read() as conn:
        ids = await operations.uncertain_ids(conn) if which == "all" else [int(which)]
    done = await operate.resolve(operator.db, ids, resend=resend, now=operator.clock())
    operator.service.wake()
    return _back(operator, "", ("again" if resend else "dropped") if done else "nothing")


async def _subscribers(operator: Operator, request: Request) -> Response:
    text, after = request.query_params.get("q", "").strip(), request.query_params.get("after", "0")
    async with operator.db.read() as conn:
        rows, more = await operations.search(
            conn, text, after=int(after) if after.isdecimal() else 0, limit=ROWS
        )
    return _page(request, "subscribers.html", rows=rows, more=more, q=text)


async def _subscriber(operator: Operator, request: Request) -> Response:
    number = request.path_params["reader"]
    async with operator.db.read() as conn:
        reader = (await subscribers.by_ids(conn, [number])).get(number)
        history = await overview.of_subscriber(conn, number, HISTORY)
        awaited = late.awaited(await batches(conn, late.CALENDARS), operator.clock())
    if reader is None:
        return _back(operator, "/subscribers", "nothing")
    missing = late.missing_for(reader, awaited) if reader.waiting_since else ()
    return _page(
        request,
        "subscriber.html",
        reader=reader,
        schedule=describe(reader.schedule),
        history=history,
        missing=[batch.name for batch in missing],
    )


async def _change(operator: Operator, request: Request) -> Response:
    number, verb = request.path_params["reader"], (await form_of(request)).get("verb", "")
    page = f"/subscribers/{number}"
    if verb == "pause":
        done = await operate.pause_reader(operator.db, number)
        return _back(operator, page, "paused" if done else "nothing")
    if verb == "resume":
        done = await operate.resume_reader(operator.db, number, operator.clock())
        return _back(operator, page, "resumed" if done else "nothing")
    if verb == "resend":
        done = await operate.send_again(operator.db, number, operator.clock)
        operator.service.wake()
        return _back(operator, page, "again" if done else "nothing")
    if verb == "remove":
        done = await operate.remove_reader(operator.db, number)
        return _back(operator, "/subscribers", "removed" if done else "nothing")
    return _back(operator, page, "nothing")


def _back(operator: Operator, page: str, said: str) -> Response:
    """After a change: the page that shows it."""
    return RedirectResponse(f"{operator.root}/admin{page}?said={said}", status_code=303, headers=_HEADERS)


def _page(request: Request, template: str, *, status: int = 200, **values: Any) -> Response:
    said: Sequence[str] = [SAID[word] for word in request.query_params.getlist("said") if word in SAID]
    return front(request).pages.page(
        f"admin/{template}", status=status, headers=_HEADERS, version=__version__, said=said, **values
    )
