"""`digest doctor`: one line a check with its remedy; exit status 1 if one failed."""

from collections.abc import Sequence
from dataclasses import replace
from email.utils import parseaddr
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from digest.cli import options
from digest.cli.desk import Desk, desk, run_async
from digest.cli.signing import dkim_keys
from digest.compose.probe import probe
from digest.compose.templates import misnamed
from digest.config import Settings, normalise_address, read_settings
from digest.deliver import verp
from digest.deliver.addresses import refusal
from digest.deliver.mailbox import parse_inbox
from digest.deliver.relay import Relay, parse_relay
from digest.deliver.sign import Key, dns_record, sign
from digest.domains import ascii_domain
from digest.errors import ConfigError, DigestError, TemplateError
from digest.pipeline import faults, reach
from digest.pipeline.doctor import machine, names
from digest.pipeline.doctor.check import Check, Health, fail, ok, warn
from digest.pipeline.doctor.relay import check_relay, fetch_back, send_test

_COLOURS = {Health.OK: "green", Health.WARN: "yellow", Health.FAIL: "red"}

#: A TXT record is cut into strings of this length in a zone file.
_STRING = 255


def doctor(
    dkim: Annotated[bool, typer.Option("--dkim", help="Print the DNS record of the DKIM key.")] = False,
    send_to: Annotated[
        str | None,
        typer.Option(
            "--send-test",
            help="Send a test mail; with DIGEST_BOUNCE_URL read it back.",
            metavar="ADDRESS",
        ),
    ] = None,
    nameserver: Annotated[
        str | None, typer.Option(help="Ask this DNS server.", metavar="ADDRESS[:PORT]")
    ] = None,
    config: options.Config = None,
    now: options.Now = None,
    as_json: options.Json = False,
) -> None:
    """Check configuration, database, mail server, DNS and public address; say what to do."""
    if dkim:
        _print_record(read_settings())
        return
    checks = run_async(_checks(config, now, nameserver, send_to))
    if as_json:
        options.print_json({"checks": [check.to_json() for check in checks]})
    else:
        for check in checks:
            _print(check)
    raise typer.Exit(1 if any(check.health is Health.FAIL for check in checks) else 0)


async def _checks(
    config: Path | None, now: str | None, nameserver: str | None, send_to: str | None
) -> list[Check]:
    resolver = _resolver(nameserver)
    async with desk(config, now) as tools:
        at = tools.clock()
        checks = [_configuration(tools), *await _templates(tools)]
        checks += await machine.check_database(tools.db)
        checks += [await machine.check_clock(tools.db, at)]
        checks += await machine.check_work(tools.db, at)
        checks += await machine.check_home(tools.db, leaves=tools.settings.smtp_url is not None)
        checks += await _mail(tools, resolver)
        checks += await _address(tools, resolver)
        if send_to:
            checks += await _round_trip(tools, send_to)
    return checks


def _configuration(tools: Desk) -> Check:
    """The file, as every command reads it."""
    try:
        roster = tools.roster()
    except DigestError as error:
        remedy = "mend it: `run` stops at it, `serve` goes on with what it read before"
        return fail("configuration", str(error).replace("\n", "; "), remedy)
    count = f"sources: {len(roster.sources)}, subscribers: {len(roster.listed)}"
    return ok("configuration", f"{tools.roster_path}: {count}")


async def _templates(tools: Desk) -> list[Check]:
    """The operator's templates, if there are any: tried now, and what was met when mails were made."""
    folder = tools.settings.templates
    if folder is None:
        return []
    try:
        tools.check_templates()
    except TemplateError as error:
        return [fail("templates", str(error), "mend it; until then no new issue is made")]
    if met := await faults.standing(tools.db, folder):
        return [fail("templates", met, "mend it; mails that meet it leave in the usual look")]
    if strange := misnamed(folder):
        return [warn("templates", "; ".join(strange), "rename it; until then it changes nothing")]
    return [ok("templates", f"{folder}: whole")]


async def _mail(tools: Desk, resolver: names.Resolver) -> list[Check]:
    """The mail server, and what the world says about our domain."""
    settings = tools.settings
    if settings.smtp_url is None:
        return [machine.check_outbox(settings.outbox)]
    relay = parse_relay(settings.smtp_url.get_secret_value())
    sender = parseaddr(settings.from_)[1]
    checks = await check_relay(relay)
    await reach.ask(tools.db, relay, tools.clock())
    if reason := refusal(sender):
        return [*checks, fail("sender", f"{sender}: {reason}", "set DIGEST_FROM to an address of your own")]
    try:
        keys = dkim_keys(settings)
    except ConfigError as error:
        return [*checks, fail("dkim", str(error), "mend DIGEST_DKIM_*")]
    return checks + await names.check_names(resolver, _mail_names(settings, sender, relay, keys))


def _mail_names(settings: Settings, sender: str, relay: Relay, keys: Sequence[Key]) -> names.MailNames:
    return names.MailNames(
        sender=_domain(sender),
        return_path=_domain(settings.bounce_address or sender),
        key=dns_record(keys[0]) if keys else None,
        signer=keys[0].domain if keys else None,
        relay=None if relay.host in ("localhost", "127.0.0.1", "::1") else relay.host,
        bounces=settings.bounce_address is not None,
    )


async def _address(tools: Desk, resolver: names.Resolver) -> list[Check]:
    """The address in the mails' links."""
    settings = tools.settings
    if settings.base_url is None:
        remedy = "set DIGEST_BASE_URL for one-click unsubscribe, which Gmail and Yahoo ask of bulk senders"
        told = "no public address: mails carry no web links, from `serve` links to this machine"
        if settings.smtp_url and not tools.site().unsubscribe_mailbox:
            return [warn("address", f"{told}; no address to unsubscribe by", f"{remedy}, or DIGEST_REPLY_TO")]
        return [warn("address", told, remedy)]
    host = urlsplit(settings.base_url).hostname or ""
    if settings.base_url.startswith("http://"):
        remedy = "set DIGEST_BASE_URL to a public https:// address"
        return [warn("address", f"{settings.base_url} works on this machine only", remedy)]
    return [await names.check_public_name(resolver, host)]


async def _round_trip(tools: Desk, recipient: str) -> list[Check]:
    """One test mail to `recipient`, and the same to the bounce mailbox, where it is read again."""
    try:
        address = normalise_address(recipient)
    except ValueError as error:
        raise ConfigError(f"--send-test: {error}") from error
    settings, site, keys = tools.settings, tools.site(), dkim_keys(tools.settings)
    message = probe(site, tools.links(), address, tools.clock())
    message = replace(message, raw=sign(message.raw, keys))
    box = settings.bounce_address
    back = verp.return_path(box, 0, tools.keys()[0]) if box else parseaddr(site.sender)[1]
    transport = tools.transport()
    try:
        checks = [await send_test(transport, message, address, back, keys)]
        if box and settings.bounce_url:
            checks.append(await send_test(transport, message, back, back, keys))
    finally:
        await transport.close()
    if settings.bounce_url is None or checks[-1].health is Health.FAIL:
        return checks
    inbox = parse_inbox(settings.bounce_url.get_secret_value())
    return checks + await fetch_back(inbox, message, keys, site.domain)


def _print_record(settings: Settings) -> None:
    keys = dkim_keys(settings)
    if not keys:
        raise ConfigError(
            "there is no DKIM key: make one with `openssl genrsa -out dkim.pem 2048`, then set "
            "DIGEST_DKIM_DOMAIN, DIGEST_DKIM_SELECTOR and DIGEST_DKIM_KEY_FILE"
        )
    for key in keys:
        name, value = dns_record(key)
        strings = [f'"{value[start : start + _STRING]}"' for start in range(0, len(value), _STRING)]
        typer.echo(f"{name}. IN TXT ( {' '.join(strings)} )")


def _resolver(server: str | None) -> names.DnsResolver:
    try:
        return names.DnsResolver(server)
    except (ValueError, OSError) as error:
        raise ConfigError(f"--nameserver: {server} is no address ({error})") from error


def _print(check: Check) -> None:
    mark = typer.style(f"{check.health:<4}", fg=_COLOURS[check.health])
    typer.echo(f"{mark}  {check.name:<14} {check.found}" + (f"; {check.remedy}" if check.remedy else ""))


def _domain(address: str) -> str:
    return ascii_domain(address.rpartition("@")[2])
