"""What endpoints work with: the collaborators that `create_app` was given, found on the request."""

import asyncio
import ipaddress
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from digest.links import Links
from digest.models import Site
from digest.pipeline import epoch, reach
from digest.pipeline.catalogue import Catalogue
from digest.pipeline.signup import Limits
from digest.pipeline.tally import Tallies
from digest.storage.database import Database
from digest.storage.grouped import Grouped
from digest.web.gate import Gate
from digest.web.pages import Pages

Clock = Callable[[], datetime]
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

#: So many fields may a form have; a manage form of 20 topics has about 200.
MAX_FIELDS = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Front:
    """The collaborators of the pages."""

    db: Database
    site: Site
    links: Links
    pages: Pages
    catalogue: Catalogue
    tallies: Tallies
    clock: Clock
    wake: Callable[[], None]  # there is something new in the outbox
    faults: Callable[[], Sequence[str]]  # what keeps this process from being ready
    trusted: tuple[Network, ...]
    grouped: Grouped  # small writes that share commits
    limits: Limits
    leaves: bool  # mails go to real mailboxes, which a restored database must not
    previews: Gate  # new rankings
    searches: Gate
    answering: asyncio.Lock = field(default_factory=asyncio.Lock)  # one at a time decides the letters
    queue: list[None] = field(default_factory=list)  # who waits for that

    async def holds(self) -> bool:
        """Would a letter wait here until the operator has looked at this database?"""
        hold = await epoch.held(self.db)
        return hold is not None and (self.leaves or hold.moved)

    async def carries(self, email: str) -> bool:
        """Can the mail server carry this address, by what is remembered of it?"""
        return not reach.needs_utf8(email) or await reach.remembered(self.db)


def front(request: Request) -> Front:
    """The collaborators of this application."""
    found: Front = request.app.state.front
    return found


def held_page(tools: Front) -> Response:
    """No promise of a letter that would not leave; what was typed is not kept."""
    return tools.pages.say(
        "Mails are held at present",
        "The operator must look after this site first, and until then no letter leaves. Nothing was stored: "
        "please come back later.",
        status=503,
    )


async def form_of(request: Request) -> dict[str, str]:
    """The text fields of a form, urlencoded or multipart; no files; the last of equal names counts."""
    form = await request.form(max_fields=MAX_FIELDS, max_files=0)
    return texts(form)


def texts(form: FormData | Any) -> dict[str, str]:
    """Name -> text; surrogates and NUL, which no database takes, are dropped."""
    return {name: _storable(value) for name, value in form.multi_items() if isinstance(value, str)}


def _storable(text: str) -> str:
    return text.replace("\0", "").encode("utf-8", "ignore").decode()


def network_of(request: Request) -> str:
    """The network of the client, truncated to /24 or /48: enough for limits, too little for a person.

    X-Forwarded-For is read only as far as configured proxies wrote it, from the right.
    """
    trusted = front(request).trusted
    host = request.client.host if request.client else ""
    hops = [hop.strip() for hop in request.headers.get("x-forwarded-for", "").split(",") if hop.strip()]
    while hops and _is_in(host, trusted):
        host = hops.pop()
    return truncated(host)


def truncated(host: str) -> str:
    """192.0.2.0/24, 2001:db8::/48, or "unknown" for what is no address."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return "unknown"
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return str(ipaddress.ip_network((address, 24 if address.version == 4 else 48), strict=False))


def proxies(listed: Sequence[str]) -> tuple[Network, ...]:
    """The configured proxies as networks. Raises ValueError."""
    return tuple(ipaddress.ip_network(one, strict=False) for one in listed if one)


def _is_in(host: str, networks: Sequence[Network]) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return any(address in network for network in networks)
