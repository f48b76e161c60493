"""The application: collaborators in, routes out. Holds no logic of its own.

Run it with `proxy_headers=False`: forwarded addresses are read here, and only from configured proxies.
"""

import traceback
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import structlog
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from digest import errors
from digest.compose.steady import AnyComposer
from digest.errors import ConfigError
from digest.links import Links
from digest.models import Site
from digest.pipeline.catalogue import Catalogue
from digest.pipeline.signup import LIMITS, Limits
from digest.pipeline.tally import Tallies
from digest.storage.database import Database
from digest.storage.grouped import Grouped
from digest.web import about, archive, feeds, health, home, leaving, manage, reading, signup
from digest.web.front import Clock, Front, Network, proxies
from digest.web.gate import Gate
from digest.web.guard import Guard
from digest.web.pages import Pages, folder

#: A pasted bibliography of some hundred papers is the largest thing that anybody sends.
MAX_BODY = 512 * 1024

_START = {"To the start": "/"}

_log = structlog.get_logger()


def create_app(
    db: Database,
    *,
    site: Site,
    links: Links,
    composer: Callable[[], AnyComposer],
    clock: Clock,
    wake: Callable[[], None],
    trusted_proxies: Sequence[str] = (),
    faults: Callable[[], Sequence[str]] = tuple,
    limits: Limits = LIMITS,
    leaves: bool = True,
    more_routes: Sequence[BaseRoute] = (),
) -> Starlette:
    """The pages of one installation, nothing started but what the lifespan starts.

    `composer` makes the composer of a new pass; `wake` is called after a mail was put into the outbox;
    `faults` says what keeps this process from being ready; `leaves`: mails go to real mailboxes, not to a
    folder; `more_routes` stand behind the same guard.
    Raises ConfigError without a public address or with a proxy that is no network, and TemplateError.
    """
    if links.base_url is None:
        raise ConfigError("the pages need a public address; set DIGEST_BASE_URL")
    front = Front(
        db=db,
        site=site,
        links=links,
        pages=Pages(site, links.base_url, limits.proof_bits),
        catalogue=Catalogue(db, clock, composer),
        tallies=Tallies(db, clock),
        clock=clock,
        wake=wake,
        faults=faults,
        trusted=_trusted(trusted_proxies),
        grouped=Grouped(db),
        limits=limits,
        leaves=leaves,
        previews=Gate(limits.previews_minute),
        searches=Gate(limits.searches_minute),
    )
    return _application(front, links.base_url, more_routes)


def _trusted(addresses: Sequence[str]) -> tuple[Network, ...]:
    try:
        return proxies(addresses)
    except ValueError as error:
        raise ConfigError(f"DIGEST_TRUSTED_PROXIES: {error}; write for example 10.0.0.0/8, ::1") from error


def _application(front: Front, base_url: str, more_routes: Sequence[BaseRoute]) -> Starlette:
    """Routes behind their middleware, with the collaborators where endpoints find them."""
    app = Starlette(
        routes=[*ROUTES, *more_routes, _static()],
        middleware=[
            Middleware(Guard, base_url=base_url),
            Middleware(RequestBodyLimitMiddleware, max_body_size=MAX_BODY),
            Middleware(GZipMiddleware, minimum_size=2000, compresslevel=4),
        ],
        exception_handlers=_FAULTS,
        lifespan=_lifespan,
    )
    app.state.front = front
    return app


#: One line a page, in the order in which a reader meets them.
ROUTES: list[BaseRoute] = [
    Route("/", home.home),
    Route("/preview", home.preview, methods=["GET", "POST"]),
    Route("/preview/mail", home.mail),
    Route("/subscribe", signup.subscribe, methods=["POST"]),
    Route("/confirm/{token}", signup.confirm, methods=["GET", "POST"]),
    Route("/link", signup.link, methods=["GET", "POST"]),
    Route("/unsubscribe/{token}", leaving.unsubscribe, methods=["GET", "POST"]),
    Route("/manage/{token}", manage.manage, methods=["GET", "POST"]),
    Route("/manage/{token}/address", manage.move, methods=["POST"]),
    Route("/manage/{token}/export", manage.export),
    Route("/manage/{token}/delete", manage.delete, methods=["GET", "POST"]),
    Route("/change/{token}", manage.change, methods=["GET", "POST"]),
    Route("/issue/{token}", reading.issue),
    Route("/issue/{token}/papers.{kind}", reading.citations),
    Route("/vote/{token}", reading.vote, methods=["GET", "POST"]),
    Route("/trending", archive.trending_now),
    Route("/archive/{span}", archive.archived),
    Route("/search", archive.find),
    Route("/paper/{paper:path}", archive.paper),
    Route("/trending.atom", feeds.public),
    Route("/feed/{token}", feeds.private),
    Route("/privacy", about.privacy),
    Route("/imprint", about.imprint),
    Route("/robots.txt", about.robots),
    Route("/healthz", health.healthz),
    Route("/readyz", health.readyz),
]


@asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncIterator[None]:
    app.state.front.catalogue.prepare()
    yield
    await app.state.front.grouped.close()
    await app.state.front.catalogue.close()
    await app.state.front.tallies.close()


def _static() -> Mount:
    return Mount("/static", _Static(directory=folder() / "static"), name="static")


class _Static(StaticFiles):
    """Our own few files; their addresses change with their content, so they are kept for ever."""

    def file_response(self, *args: object, **kwargs: object) -> Response:
        response = super().file_response(*args, **kwargs)  # type: ignore[arg-type]
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response


async def _not_found(request: Request, _error: Exception) -> Response:
    return _say(request, "There is no such page", "The address may be mistyped, or the page is gone.", 404)


async def _not_allowed(request: Request, error: Exception) -> Response:
    response = _say(request, "This page does not do that", "It cannot be called in this way.", 405)
    response.headers.update(getattr(error, "headers", None) or {})
    return response


async def _bad_link(request: Request, error: Exception) -> Response:
    sentence = f"{str(error)[:1].upper()}{str(error)[1:]}."
    pages = request.app.state.front.pages
    answer: Response = pages.say(
        "This link does not work", sentence, status=404, links={"Ask for a new link": "/link"}
    )
    return answer


async def _gone(_request: Request, _error: Exception) -> Response:
    return Response(status_code=400)  # nobody reads it


async def _failed(request: Request, error: Exception) -> Response:
    """Say that it is our fault. The log gets the places in the code: no token, no address, no values."""
    places = [f"{frame.filename}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)[-6:]]
    page = request.url.path.split("/")[1]
    _log.error("web.failed", page=page, error=type(error).__name__, places=places)
    busy = isinstance(error, errors.StorageError)
    sentence = "The database is busy." if busy else "Something went wrong on our side."
    return _say(
        request, "That did not work", f"{sentence} Please try again in a minute.", 503 if busy else 500
    )


def _say(
    request: Request, heading: str, sentence: str, status: int, links: Mapping[str, str] = _START
) -> Response:
    pages: Pages = request.app.state.front.pages
    return pages.say(heading, sentence, status=status, links=links)


_FAULTS: dict[Any, Any] = {
    404: _not_found,
    405: _not_allowed,
    errors.LinkError: _bad_link,
    errors.StorageError: _failed,
    ClientDisconnect: _gone,
    Exception: _failed,
}
