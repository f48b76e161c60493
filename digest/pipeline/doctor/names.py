"""The checks that ask DNS. The resolver is an argument, so tests bring their own server."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import dns.asyncresolver
import dns.exception
import dns.resolver
import dns.reversename

from digest.ingest.guard import is_public
from digest.pipeline.doctor import records
from digest.pipeline.doctor.check import Check, fail, ok, warn

#: Seconds for one question, all servers and repetitions included.
SECONDS = 5.0


class NoAnswer(Exception):
    """DNS did not answer: not that there is no such record."""


class Resolver(Protocol):
    """What the checks ask; an empty list means that there is no such record. Raises NoAnswer."""

    async def texts(self, name: str) -> list[str]:
        """TXT records, their strings joined."""
        ...

    async def mail_servers(self, name: str) -> list[str]:
        """Names of the MX records."""
        ...

    async def addresses(self, name: str) -> list[str]:
        """A and AAAA records."""
        ...

    async def names(self, address: str) -> list[str]:
        """PTR records."""
        ...


class DnsResolver:
    """Asks the system's name servers, or the one that is named (`host` or `host:port`)."""

    def __init__(self, server: str | None = None) -> None:
        """Raises ValueError for a server that is no address."""
        self._resolver = dns.asyncresolver.Resolver(configure=server is None)
        self._resolver.lifetime = SECONDS
        if server is not None:
            host, _, port = server.partition(":") if server.count(":") == 1 else (server, "", "")
            self._resolver.nameservers = [host]
            self._resolver.port = int(port or 53)

    async def texts(self, name: str) -> list[str]:
        """TXT records, their strings joined."""
        return [
            b"".join(record.strings).decode("utf-8", "replace") for record in await self._ask(name, "TXT")
        ]

    async def mail_servers(self, name: str) -> list[str]:
        """Names of the MX records, the preferred first; the null MX (RFC 7505) is none."""
        found = sorted(await self._ask(name, "MX"), key=lambda record: record.preference)
        return [host for record in found if (host := record.exchange.to_text(omit_final_dot=True)) != "."]

    async def addresses(self, name: str) -> list[str]:
        """A and AAAA records."""
        found = [*await self._ask(name, "A"), *await self._ask(name, "AAAA")]
        return [record.address for record in found]

    async def names(self, address: str) -> list[str]:
        """PTR records."""
        found = await self._ask(dns.reversename.from_address(address).to_text(), "PTR")
        return [record.target.to_text(omit_final_dot=True) for record in found]

    async def _ask(self, name: str, kind: str) -> list:  # type: ignore[type-arg]
        try:
            return list(await self._resolver.resolve(name, kind))
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return []
        except (dns.exception.DNSException, OSError) as error:
            raise NoAnswer(f"no answer about {name} ({type(error).__name__})") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class MailNames:
    """The names that receivers look up when a mail of ours arrives."""

    sender: str  # domain of From
    return_path: str  # domain of the envelope
    key: tuple[str, str] | None = None  # name and value of the DKIM record that should be there
    signer: str | None = None  # domain of the signature
    relay: str | None = None  # host of the mail server, if it is not on this machine
    bounces: bool = False  # a mailbox of ours takes bounces


async def check_names(resolver: Resolver, names: MailNames) -> list[Check]:
    """What receivers find: SPF, DKIM, DMARC with alignment, MX, PTR."""
    at, texts, unanswered = await _dmarc(resolver, names.sender)
    checks = [
        await _told("spf", _spf(resolver, names.return_path)),
        await _told("dkim", _dkim(resolver, names)),
        unanswered or records.dmarc(names.sender, at, texts),
        records.alignment(names.sender, return_path=names.return_path, signer=names.signer, organisation=at),
        await _told("mx", _reachable(resolver, names.sender, "replies")),
    ]
    if names.bounces and names.return_path != names.sender:
        checks.append(await _told("mx", _reachable(resolver, names.return_path, "bounces")))
    if names.relay:
        checks.append(await _told("ptr", _reverse(resolver, names.relay)))
    return checks


async def check_public_name(resolver: Resolver, host: str) -> Check:
    """The host of DIGEST_BASE_URL is on the internet, where readers are."""

    async def look() -> Check:
        found = await resolver.addresses(host)
        if not found:
            return fail(
                "address", f"{host} does not resolve", "add an A or AAAA record, or mend DIGEST_BASE_URL"
            )
        if private := [address for address in found if not is_public(address)]:
            remedy = "readers cannot open links to it; use a public name in DIGEST_BASE_URL"
            return warn("address", f"{host} is {private[0]}, a private address", remedy)
        return ok("address", f"{host} is {', '.join(found)}")

    return await _told("address", look())


async def _told(name: str, check: Awaitable[Check]) -> Check:
    try:
        return await check
    except NoAnswer as error:
        return fail(name, str(error), "check the network and the name servers, or name one with --nameserver")


async def _spf(resolver: Resolver, domain: str) -> Check:
    return records.spf(domain, await resolver.texts(domain))


async def _dkim(resolver: Resolver, names: MailNames) -> Check:
    if names.key is None:
        remedy = "set DIGEST_DKIM_*, or make sure that the mail server signs and covers List-Unsubscribe"
        return warn("dkim", "we do not sign", remedy)
    name, value = names.key
    return records.dkim(name, value, await resolver.texts(name))


async def _dmarc(resolver: Resolver, domain: str) -> tuple[str | None, Sequence[str], Check | None]:
    """Walk up from the domain to the first DMARC record, as far as two labels."""
    labels = domain.split(".")
    for start in range(max(len(labels) - 1, 1)):
        above = ".".join(labels[start:])
        try:
            texts = await resolver.texts(f"_dmarc.{above}")
        except NoAnswer as error:
            return None, (), await _told("dmarc", _raise(error))
        if any(text.upper().startswith("V=DMARC1") for text in texts):
            return above, texts, None
    return None, (), None


async def _raise(error: NoAnswer) -> Check:
    raise error


async def _reachable(resolver: Resolver, domain: str, what: str) -> Check:
    if found := await resolver.mail_servers(domain):
        return ok("mx", f"{what} to {domain} go to {found[0]}")
    if await resolver.addresses(domain):
        return warn(
            "mx", f"{domain} has no MX record; {what} go to its address", f"add an MX record to {domain}"
        )
    remedy = f"add an MX record to {domain}: many servers refuse mail from a domain that takes none"
    return fail("mx", f"{domain} takes no mail: no MX record, no address", remedy)


async def _reverse(resolver: Resolver, relay: str) -> Check:
    public = [address for address in await resolver.addresses(relay) if is_public(address)]
    if not public:
        return ok("ptr", f"{relay} is not on the internet; the server behind it needs the PTR record")
    names = await resolver.names(public[0])
    return records.reverse(public[0], names, await resolver.addresses(names[0]) if names else ())


Ask = Callable[[str], Awaitable[list[str]]]
