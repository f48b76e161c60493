"""SMTP over real sockets: every stage, every kind of reply, with and without PIPELINING."""

import asyncio
import base64
from typing import Any, ClassVar

import pytest
from aiosmtpd.smtp import SMTP

from digest.deliver import conversation, smtp, verp
from digest.deliver.relay import parse_relay
from digest.deliver.smtp import SmtpTransport
from digest.deliver.transport import Envelope
from digest.errors import ConfigError
from digest.models import Outcome, Verdict
from tests.deliver.server import ScriptedServer

PLAIN = ("SIZE 10240000", "8BITMIME")
PIPELINED = ("PIPELINING", *PLAIN)
RAW = b"Message-ID: <1@papers.dev>\r\nSubject: Papers\r\n\r\nHello\r\n"


def envelope(recipient: str = "ada@papers.dev", raw: bytes = RAW) -> Envelope:
    return Envelope(sender="bounces@papers.dev", recipient=recipient, raw=raw, name="x")


async def send_all(server: ScriptedServer, *recipients: str, **options: Any) -> list[Outcome]:
    transport = SmtpTransport(parse_relay(server.url), **options)
    try:
        return await asyncio.gather(*(transport.send(envelope(to)) for to in recipients))
    finally:
        await transport.close()


@pytest.fixture(params=[PLAIN, PIPELINED], ids=["plain", "pipelined"])
def extensions(request: pytest.FixtureRequest) -> tuple[str, ...]:
    return request.param


STAGES = {
    "450 4.2.0 greylisted": (Verdict.DEFERRED, "rcpt", 450, "4.2.0"),
    "550 5.1.1 unknown": (Verdict.REFUSED, "rcpt", 550, "5.1.1"),
    "552 too many recipients": (Verdict.DEFERRED, "rcpt", 552, None),
    "421 4.3.2 shutting down": (Verdict.UNAVAILABLE, "rcpt", 421, "4.3.2"),
    "data 451 4.3.0 later": (Verdict.DEFERRED, "data", 451, "4.3.0"),
    "data 554 5.7.1 no": (Verdict.REFUSED, "data", 554, "5.7.1"),
    "dot 452 4.3.1 full": (Verdict.DEFERRED, "dot", 452, "4.3.1"),
    "dot 554 5.7.1 spam": (Verdict.REFUSED, "dot", 554, "5.7.1"),
    "drop rcpt": (Verdict.DEFERRED, "rcpt", None, None),
    "drop data": (Verdict.DEFERRED, "data", None, None),
    "drop dot": (Verdict.UNKNOWN, "dot", None, None),
    "drop body": (Verdict.UNKNOWN, "dot", None, None),
}


@pytest.mark.parametrize("behaviour", STAGES)
async def test_the_stage_and_meaning_of_every_end_is_known(
    behaviour: str, extensions: tuple[str, ...]
) -> None:
    async with ScriptedServer({"ada@papers.dev": behaviour}, extensions).running() as server:
        (outcome,) = await send_all(server, "ada@papers.dev")
    assert (outcome.verdict, outcome.stage, outcome.code, outcome.enhanced) == STAGES[behaviour]


async def test_reports_are_asked_for_where_the_server_can(extensions: tuple[str, ...]) -> None:
    path = verp.return_path("bounces@papers.dev", 7, "key")
    async with ScriptedServer({}, (*extensions, "DSN")).running() as server:
        transport = SmtpTransport(parse_relay(server.url))
        await transport.send(envelope()._replace(sender=path))
        await transport.send(envelope())
        await transport.close()
    mails = [line.partition(" RET=")[2] for line in server.commands if line.startswith("MAIL")]
    assert mails == [f"HDRS ENVID={verp.envelope_id(path)}", "HDRS"]
    assert server.commands.count("RCPT TO:<ada@papers.dev> NOTIFY=FAILURE,DELAY") == 2


async def test_bad_readers_among_good_ones_disturb_nobody(extensions: tuple[str, ...]) -> None:
    ways = [way for way in STAGES if not way.startswith("421")]
    script = {f"r{n}@papers.dev": ways[n // 2 % len(ways)] for n in range(0, 200, 2)}
    readers = [f"r{n}@papers.dev" for n in range(200)]
    async with ScriptedServer(script, extensions).running() as server:
        outcomes = await send_all(server, *readers, connections=3)
    expected = [STAGES[script[to]][0] if to in script else Verdict.ACCEPTED for to in readers]
    assert [outcome.verdict for outcome in outcomes] == expected
    answered = sorted(taken.recipient for taken in server.taken if taken.answered)
    assert answered == sorted(to for to in readers if to not in script)


async def test_a_reply_counts_whatever_noise_follows_it(extensions: tuple[str, ...]) -> None:
    readers = [f"r{n}@papers.dev" for n in range(6)]
    async with ScriptedServer(dict.fromkeys(readers, "noise"), extensions).running() as server:
        outcomes = await send_all(server, *readers)
    assert {outcome.verdict for outcome in outcomes} == {Verdict.ACCEPTED}
    assert len(server.taken) == len(readers)


async def test_a_server_without_rset_fails_nobody_for_the_reader_before(extensions: tuple[str, ...]) -> None:
    readers = [f"r{n}@papers.dev" for n in range(12)]
    script = dict.fromkeys(readers[::4], "550 5.2.1 disabled")
    async with ScriptedServer(script, extensions, refuses_rset=True).running() as server:
        outcomes = await send_all(server, *readers, connections=2)
    refused = [
        to for to, outcome in zip(readers, outcomes, strict=True) if outcome.verdict is not Verdict.ACCEPTED
    ]
    assert refused == [*script]


async def test_work_that_comes_as_the_last_carrier_leaves_is_carried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtp, "IDLE_SECONDS", 0.05)
    async with ScriptedServer().running() as server:
        transport = SmtpTransport(parse_relay(server.url), connections=1)
        await transport.send(envelope())
        (carrier,) = transport._carriers
        late: list[asyncio.Future[Outcome]] = []
        carrier.add_done_callback(lambda _: late.append(transport.send(envelope())))
        await asyncio.wait([carrier], timeout=5)
        assert (await asyncio.wait_for(late[0], 5)).verdict is Verdict.ACCEPTED
        await transport.close()


async def test_connections_are_reused_and_capped(extensions: tuple[str, ...]) -> None:
    async with ScriptedServer(extensions=extensions).running() as server:
        outcomes = await send_all(server, *(f"r{n}@papers.dev" for n in range(250)), connections=2)
    assert {outcome.verdict for outcome in outcomes} == {Verdict.ACCEPTED}
    assert 3 <= server.sessions <= 4
    assert server.quits == server.sessions


async def test_a_relay_with_fewer_connections_still_gets_everything() -> None:
    async with ScriptedServer(most_sessions=2).running() as server:
        outcomes = await send_all(server, *(f"r{n}@papers.dev" for n in range(60)), connections=8)
    assert {outcome.verdict for outcome in outcomes} == {Verdict.ACCEPTED}


async def test_a_dead_server_is_told_in_one_sentence() -> None:
    async with ScriptedServer().running() as server:
        url = server.url
    outcome = await SmtpTransport(parse_relay(url)).send(envelope())
    assert (outcome.verdict, outcome.stage) == (Verdict.UNAVAILABLE, "connect")
    assert "check DIGEST_SMTP_URL" in outcome.reply


@pytest.mark.parametrize("greeting", ["421 4.3.2 not now", "554 5.7.1 not you"])
async def test_a_server_that_refuses_every_connection_makes_every_message_wait(greeting: str) -> None:
    readers = [f"r{n}@papers.dev" for n in range(9)]
    async with ScriptedServer(greeting=greeting).running() as server:
        transport = SmtpTransport(parse_relay(server.url), connections=4)
        outcomes = await asyncio.wait_for(asyncio.gather(*map(transport.send, map(envelope, readers))), 30)
        await transport.close()
    assert {outcome.verdict for outcome in outcomes} == {Verdict.UNAVAILABLE}
    assert transport.allowed == 4


async def test_a_server_that_ends_sessions_after_a_few_messages_gets_all(extensions: tuple[str, ...]) -> None:
    readers = [f"r{n}@papers.dev" for n in range(60)]
    async with ScriptedServer(extensions=extensions, most_messages=3).running() as server:
        outcomes = await send_all(server, *readers, connections=4)
    assert {outcome.verdict for outcome in outcomes} == {Verdict.ACCEPTED}
    assert sorted(taken.recipient for taken in server.taken) == sorted(readers)


async def test_a_reply_that_nobody_asked_for_is_not_taken_for_an_answer() -> None:
    """The server says 250 before it has seen the message: nothing was accepted."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 hasty\r\n")
        await reader.readline()
        writer.write(b"250-hasty\r\n250 PIPELINING\r\n")
        await reader.readline()
        writer.write(b"250 ok\r\n250 ok\r\n354 go on\r\n250 2.0.0 have it\r\n")
        await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    transport = SmtpTransport(parse_relay(f"smtp://127.0.0.1:{server.sockets[0].getsockname()[1]}"))
    outcome = await transport.send(envelope())
    await transport.close()
    server.close()
    assert (outcome.verdict, outcome.stage) == (Verdict.DEFERRED, "data")


async def test_a_wrong_password_makes_everything_wait() -> None:
    login = base64.b64encode(b"\0ada\0right").decode()
    async with ScriptedServer(login=login).running() as server:
        good = server.url.replace("//", "//ada:right@")
        outcomes = [
            await SmtpTransport(parse_relay(url)).send(envelope())
            for url in (good, good.replace("right", "wrong"))
        ]
    assert [outcome.verdict for outcome in outcomes] == [Verdict.ACCEPTED, Verdict.UNAVAILABLE]
    assert (outcomes[1].stage, outcomes[1].code) == ("auth", 535)
    assert "right" not in repr(parse_relay(good))


async def test_required_starttls_never_falls_back() -> None:
    async with ScriptedServer().running() as server:
        url = f"{server.url}?starttls=required"
        outcome = await SmtpTransport(parse_relay(url)).send(envelope())
    assert outcome.verdict is Verdict.UNAVAILABLE
    assert "STARTTLS" in outcome.reply
    assert not server.taken


async def test_silence_after_the_final_dot_is_doubt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(conversation.TIMEOUTS, "dot", 0.2)
    async with ScriptedServer({"ada@papers.dev": "mute"}).running() as server:
        (outcome,) = await send_all(server, "ada@papers.dev")
    assert (outcome.verdict, outcome.stage) == (Verdict.UNKNOWN, "dot")
    assert len(server.taken) == 1


@pytest.mark.parametrize("silent", ["mute", "mute rcpt"])
async def test_only_what_the_server_has_begun_to_get_stays_in_doubt(
    silent: str, extensions: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(conversation.TIMEOUTS, "dot", 1.0)
    monkeypatch.setattr(smtp, "IDLE_SECONDS", 0.2)
    readers = [f"r{n}@papers.dev" for n in range(20)]
    async with ScriptedServer(dict.fromkeys(readers, silent), extensions).running() as server:
        transport = SmtpTransport(parse_relay(server.url), connections=2)
        sendings = [transport.send(envelope(to)) for to in readers]
        while len(server.heard) < 2:
            await asyncio.sleep(0.01)
        transport.withdraw()
        ends = await asyncio.gather(*sendings, return_exceptions=True)
        await transport.close()
    doubtful = [end for end in ends if isinstance(end, Outcome)]
    assert [end.verdict for end in doubtful] == [Verdict.UNKNOWN] * len(server.taken)
    assert (len(server.taken), len(ends) - len(doubtful)) == ((2, 18) if silent == "mute" else (0, 20))


@pytest.mark.parametrize(
    "domain", ["example.org", "EXAMPLE.com", "a.test", "x.invalid", "localhost", "a.example"]
)
async def test_reserved_domains_are_refused_without_a_connection(domain: str) -> None:
    outcome = await SmtpTransport(parse_relay("smtp://127.0.0.1:1")).send(envelope(f"ada@{domain}"))
    assert (outcome.verdict, outcome.stage) == (Verdict.REFUSED, "address")
    assert "reserved example domain" in outcome.reply


@pytest.mark.parametrize(
    "address", ["a@x.dev>\r\nRCPT TO:<b@y.dev", "a b@x.dev", "a@x.dev\0", "", "ada", "a@@x.dev"]
)
async def test_an_address_cannot_smuggle_a_command(address: str) -> None:
    async with ScriptedServer().running() as server:
        bad, good = await send_all(server, address, "ada@papers.dev")
    assert (bad.verdict, good.verdict) == (Verdict.REFUSED, Verdict.ACCEPTED)
    assert [taken.recipient for taken in server.taken] == ["ada@papers.dev"]


async def test_international_domains_travel_in_ascii() -> None:
    async with ScriptedServer().running() as server:
        domain, local = await send_all(server, "ada@bücher.de", "jörg@papers.dev")
    assert domain.verdict is Verdict.ACCEPTED
    assert server.taken[0].recipient == "ada@xn--bcher-kva.de"
    assert (local.verdict, "SMTPUTF8" in local.reply) == (Verdict.REFUSED, True)


@pytest.mark.parametrize("body", [b"\n.\n", b"\r.\r", b"\r\n.\r", b"\r\n.\r\n", b".", b"\n..\n", b""])
async def test_a_body_arrives_whole_and_ends_once(body: bytes, extensions: tuple[str, ...]) -> None:
    raw = b"Subject: x\r\n\r\nbefore" + body + b"MAIL FROM:<evil@papers.dev>\r\n"
    async with ScriptedServer(extensions=extensions).running() as server:
        transport = SmtpTransport(parse_relay(server.url))
        await transport.send(envelope(raw=raw))
        await transport.send(envelope("second@papers.dev"))
        await transport.close()
    assert [taken.recipient for taken in server.taken] == ["ada@papers.dev", "second@papers.dev"]
    wire = server.taken[0].raw
    assert wire.count(b"\n") == wire.count(b"\r") == wire.count(b"\r\n")


async def test_aiosmtpd_gets_the_very_bytes() -> None:
    class Box:
        messages: ClassVar[list[bytes]] = []

        async def handle_DATA(self, server: Any, session: Any, message: Any) -> str:
            self.messages.append(message.content)
            return "250 2.0.0 taken"

    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(Box(), loop=loop), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    raw = RAW + b".leading dot\r\n..two\r\n"
    transport = SmtpTransport(parse_relay(f"smtp://127.0.0.1:{port}"))
    outcome = await transport.send(envelope(raw=raw))
    await transport.close()
    server.close()
    assert (outcome.verdict, outcome.reply) == (Verdict.ACCEPTED, "2.0.0 taken")
    assert Box.messages == [raw]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtp://relay.papers.dev", (25, False, "optional")),
        ("smtp://u:p%40ss@relay.papers.dev", (587, False, "required")),
        ("smtp://u:p@127.0.0.1:2525", (2525, False, "off")),
        ("smtps://u:p@relay.papers.dev", (465, True, "off")),
        ("smtp://relay.papers.dev:26?starttls=required", (26, False, "required")),
    ],
)
def test_the_address_of_the_relay_says_how_it_is_secured(url: str, expected: tuple[Any, ...]) -> None:
    relay = parse_relay(url)
    assert (relay.port, relay.tls, relay.starttls) == expected


@pytest.mark.parametrize(
    "url", ["http://x", "smtp://", "smtp://x:99999", "smtp://x?starttls=maybe", "smtp://x?tls=1"]
)
def test_a_wrong_address_of_the_relay_is_a_configuration_error(url: str) -> None:
    with pytest.raises(ConfigError, match="DIGEST_SMTP_URL"):
        parse_relay(url)
