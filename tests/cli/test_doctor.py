"""`digest doctor` against a DNS server and a mail server of its own: one line a check, with the remedy."""

import asyncio
import json
import socketserver
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st

from digest.compose.probe import is_probe, probe
from digest.deliver.sign import Key, dns_record, load_key, sign
from digest.links import Links
from digest.pipeline.doctor import machine, names, received, records, relay
from digest.pipeline.doctor.check import Health
from tests.cli.conftest import Command
from tests.deliver.daemons import dovecot, postfix
from tests.deliver.server import ScriptedServer
from tests.make import NOW, make_site

Zone = Mapping[tuple[str, str], list[str]]

GOOD: dict[tuple[str, str], list[str]] = {
    ("papers.dev", "TXT"): ['"v=spf1 mx -all"', '"something else"'],
    ("_dmarc.papers.dev", "TXT"): ['"v=DMARC1; p=quarantine"'],
    ("papers.dev", "MX"): ["10 mail.papers.dev."],
    ("mail.papers.dev", "A"): ["11.2.3.4"],
    ("4.3.2.11.in-addr.arpa", "PTR"): ["mail.papers.dev."],
    ("digest.papers.dev", "A"): ["11.2.3.5"],
}


@contextmanager
def name_server(zone: Zone) -> Iterator[str]:
    """A DNS server on a fresh port; its address."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            query = dns.message.from_wire(self.request[0])
            answer = dns.message.make_response(query)
            asked = query.question[0]
            name, kind = asked.name.to_text(omit_final_dot=True), dns.rdatatype.to_text(asked.rdtype)
            found = zone.get((name, kind))
            if found:
                answer.answer.append(dns.rrset.from_text(asked.name, 60, "IN", kind, *found))
            elif not any(other == name for other, _ in zone):
                answer.set_rcode(dns.rcode.NXDOMAIN)
            self.request[1].sendto(answer.to_wire(), self.client_address)

    with socketserver.ThreadingUDPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield f"127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@contextmanager
def mail_server(script: Mapping[str, str] | None = None) -> Iterator[ScriptedServer]:
    """A mail server on a thread of its own, while a command runs in this one."""
    server, ready, loop = ScriptedServer(script=script or {}), threading.Event(), asyncio.new_event_loop()
    end = asyncio.Event()

    async def run() -> None:
        async with server.running():
            ready.set()
            await end.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(run(),))
    thread.start()
    ready.wait(10)
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(end.set)
        thread.join()
        loop.close()


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    """A DKIM key."""
    key = rsa.generate_private_key(65537, 2048)
    kinds = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    path = tmp_path / "dkim.pem"
    path.write_bytes(key.private_bytes(*kinds))
    return path


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch, key_file: Path) -> pytest.MonkeyPatch:
    """A sender with a key and a public address."""
    monkeypatch.setenv("DIGEST_FROM", "Papers <digest@papers.dev>")
    monkeypatch.setenv("DIGEST_DKIM_DOMAIN", "papers.dev")
    monkeypatch.setenv("DIGEST_DKIM_SELECTOR", "d1")
    monkeypatch.setenv("DIGEST_DKIM_KEY_FILE", str(key_file))
    monkeypatch.setenv("DIGEST_BASE_URL", "https://digest.papers.dev")
    return monkeypatch


def with_key(key_file: Path, zone: Zone = GOOD) -> Zone:
    name, value = dns_record(load_key("papers.dev", "d1", key_file.read_bytes()))
    return {**zone, (name, "TXT"): [f'"{value[:250]}" "{value[250:]}"']}


def examine(
    digest: Command, zone: Zone, settings: pytest.MonkeyPatch, *words: str
) -> dict[str, dict[str, str]]:
    with name_server(zone) as server, mail_server() as mails:
        settings.setenv("DIGEST_SMTP_URL", mails.url)
        done = digest("doctor", "--nameserver", server, "--json", *words)
    checks = {check["name"]: check for check in json.loads(done.out)["checks"]}
    assert done.status == int(any(check["health"] == "FAIL" for check in checks.values()))
    return checks


def test_good_installation_passes(digest: Command, settings: pytest.MonkeyPatch, key_file: Path) -> None:
    digest("run")
    checks = examine(digest, with_key(key_file), settings)
    assert [name for name, check in checks.items() if check["health"] == "FAIL"] == []
    assert checks["dkim"]["found"] == "d1._domainkey.papers.dev matches our key"
    assert checks["dmarc"]["found"] == "_dmarc.papers.dev: p=quarantine"
    assert checks["address"]["found"] == "digest.papers.dev is 11.2.3.5"


@pytest.mark.parametrize(
    ("gone", "check", "found"),
    [
        (("papers.dev", "TXT"), "spf", "papers.dev has no SPF record"),
        (("_dmarc.papers.dev", "TXT"), "dmarc", "papers.dev has no DMARC record"),
        (("papers.dev", "MX"), "mx", "papers.dev takes no mail: no MX record, no address"),
        (("digest.papers.dev", "A"), "address", "digest.papers.dev does not resolve"),
    ],
)
def test_missing_record_fails_with_its_remedy(
    digest: Command,
    settings: pytest.MonkeyPatch,
    key_file: Path,
    gone: tuple[str, str],
    check: str,
    found: str,
) -> None:
    zone = {key: value for key, value in with_key(key_file).items() if key != gone}
    checks = examine(digest, zone, settings)
    assert (checks[check]["health"], checks[check]["found"]) == ("FAIL", found)
    assert checks[check]["remedy"]


def test_other_key_in_dns_fails(digest: Command, settings: pytest.MonkeyPatch) -> None:
    zone = {**GOOD, ("d1._domainkey.papers.dev", "TXT"): ['"v=DKIM1; k=rsa; p=AAAA"']}
    assert "holds another key" in examine(digest, zone, settings)["dkim"]["found"]


def test_test_mail_is_signed_and_its_receipt_shown(
    digest: Command, settings: pytest.MonkeyPatch, key_file: Path
) -> None:
    with name_server(with_key(key_file)) as server, mail_server() as mails:
        settings.setenv("DIGEST_SMTP_URL", mails.url)
        done = digest("doctor", "--nameserver", server, "--send-test", "me@papers.dev")
    raw = mails.taken[0].raw
    assert "accepted for me@papers.dev, signed by papers.dev: " in done.out
    assert raw.startswith(b"DKIM-Signature:")
    assert b"list-unsubscribe" in raw.split(b"\r\n\r\n")[0].lower()


def test_refused_test_mail_fails(digest: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    with mail_server({"me@papers.dev": "550 5.7.1 not from you"}) as mails, name_server(GOOD) as server:
        monkeypatch.setenv("DIGEST_SMTP_URL", mails.url)
        monkeypatch.setenv("DIGEST_FROM", "digest@papers.dev")
        done = digest("doctor", "--nameserver", server, "--send-test", "me@papers.dev")
    assert done.status == 1
    assert "me@papers.dev at rcpt: 550 " in done.out


def test_dead_mail_server_and_silent_dns_are_told(
    digest: Command, settings: pytest.MonkeyPatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(names, "SECONDS", 0.2)
    settings.setenv("DIGEST_SMTP_URL", "smtp://127.0.0.1:9")
    done = digest("doctor", "--nameserver", "127.0.0.1:9")
    assert done.status == 1
    assert "no session with the mail server 127.0.0.1:9" in done.out
    assert "no answer about papers.dev" in done.out


def test_mail_without_any_way_to_unsubscribe_is_told(digest: Command, settings: pytest.MonkeyPatch) -> None:
    settings.delenv("DIGEST_BASE_URL")
    assert "no address to unsubscribe by" in examine(digest, GOOD, settings)["address"]["found"]
    settings.setenv("DIGEST_REPLY_TO", "editor@papers.dev")
    assert "unsubscribe by" not in examine(digest, GOOD, settings)["address"]["found"]


def test_without_mail_server_nothing_fails(digest: Command) -> None:
    digest("run")
    done = digest("doctor")
    assert done.status == 0, done.out
    assert "messages are written to outbox/" in done.out


def test_outbox_that_cannot_be_written_fails(digest: Command, settings: pytest.MonkeyPatch) -> None:
    settings.setenv("DIGEST_OUTBOX", "/proc/outbox")
    settings.delenv("DIGEST_SMTP_URL", raising=False)
    done = digest("doctor")
    assert (done.status, "/proc/outbox: cannot be written" in done.out) == (1, True)


def test_dkim_record_is_printed_as_a_zone_file_wants_it(
    digest: Command, settings: pytest.MonkeyPatch, key_file: Path
) -> None:
    done = digest("doctor", "--dkim")
    name, value = dns_record(load_key("papers.dev", "d1", key_file.read_bytes()))
    assert done.out.startswith(f'{name}. IN TXT ( "v=DKIM1; k=rsa; p=')
    assert "".join(done.out.split('"')[1::2]) == value


def test_dkim_without_a_key_says_how_to_make_one(digest: Command) -> None:
    done = digest("doctor", "--dkim")
    assert (done.status, "openssl genrsa" in done.err) == (2, True)


def returned(key_file: Path, *, signers: tuple[str, ...] = ("papers.dev",)) -> tuple[bytes, list[Key]]:
    """A test mail as it arrives, signed, below the trace of a server."""
    site = make_site(base_url="https://digest.papers.dev", unsubscribe_mailbox="bounces@papers.dev")
    links = Links(site.base_url, ("a key for tests",))
    keys = [load_key(domain, "d1", key_file.read_bytes()) for domain in signers]
    raw = sign(probe(site, links, "me@papers.dev", NOW).raw, keys)
    return b"Return-Path: <bounces@papers.dev>\r\nReceived: from here\r\n by there\r\n" + raw, keys


def test_returned_mail_that_covers_both_fields_is_well(key_file: Path) -> None:
    raw, keys = returned(key_file)
    for text in (raw, raw.replace(b"\r\n", b"\n")):  # some servers show bare line feeds
        checks = received.examine(text, keys, "papers.dev")
        assert [check.health for check in checks] == [Health.OK, Health.OK], checks
    assert "h= covers from, list-unsubscribe, list-unsubscribe-post" in checks[-1].found


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        (b"list-unsubscribe-post:list-unsubscribe-post:", b"", "lacks list-unsubscribe-post"),
        (b"DKIM-Signature:", b"X-Was:", "without a DKIM signature"),
        (b" d=papers.dev;", b" d=relay.example;", "signed by relay.example only"),
    ],
)
def test_returned_mail_names_what_the_relay_left_unsigned(
    key_file: Path, old: bytes, new: bytes, found: str
) -> None:
    raw, _ = returned(key_file)
    [check] = received.examine(raw.replace(old, new), [], "papers.dev")
    assert (check.health, found in check.found) == (Health.FAIL, True), check


def test_server_that_rewrites_a_mail_is_noticed(key_file: Path) -> None:
    raw, keys = returned(key_file)
    changed = raw.replace(b"Subject: digest", b"Subject: [SPAM] digest")
    first, second = received.examine(changed, keys, "papers.dev")
    assert (first.health, second.health) == (Health.FAIL, Health.OK)
    assert "d1._domainkey.papers.dev no longer fits" in first.found


@pytest.mark.parametrize(("said", "health"), [("dkim=pass", Health.OK), ("dkim=fail", Health.FAIL)])
def test_verdict_of_the_receiving_server_counts(key_file: Path, said: str, health: Health) -> None:
    raw, keys = returned(key_file)
    line = f"Authentication-Results: mx.papers.dev; spf=pass smtp.mailfrom=x; {said}\r\n"
    assert received.examine(line.encode() + raw, keys, "papers.dev")[-1].health is health


def test_intake_knows_a_test_mail_and_not_its_bounce(key_file: Path) -> None:
    raw, _ = returned(key_file)
    assert is_probe(raw)
    assert not is_probe(b"Message-ID: <1@x>\r\nSubject: failed\r\n\r\n" + raw)


@pytest.mark.system
def test_doctor_reads_its_test_mail_back(digest: Command, settings: pytest.MonkeyPatch) -> None:
    """Product → Postfix → Dovecot → product; the doctor takes its own copy away, and leaves mine."""
    with (
        tempfile.TemporaryDirectory(prefix="back-") as folder,
        name_server(GOOD) as server,
        dovecot(Path(folder) / "dovecot") as mailbox,
        postfix(Path(folder) / "postfix", {"papers.dev": f"lmtp:inet:127.0.0.1:{mailbox.lmtp}"}) as port,
    ):
        inbox = f"imap://bounces%40papers.dev:secret@127.0.0.1:{mailbox.imap}/INBOX"
        settings.setenv("DIGEST_SMTP_URL", f"smtp://127.0.0.1:{port}")
        settings.setenv("DIGEST_BOUNCE_ADDRESS", "bounces@papers.dev")
        settings.setenv("DIGEST_BOUNCE_URL", inbox)
        words = "doctor", "--send-test", "me@papers.dev", "--nameserver", server, "--json"
        found = {check["name"]: check for check in json.loads(digest(*words).out)["checks"]}
        assert len(mailbox.mails()) == 1
    assert found["signature"]["found"] == "ours arrived as it left"
    covered = "h= covers from, list-unsubscribe, list-unsubscribe-post"
    assert found["round trip"]["found"] == f"came back, signed by papers.dev; {covered}"


@pytest.mark.parametrize(
    ("texts", "health"),
    [
        ([], Health.FAIL),
        (["v=spf1 mx -all"], Health.OK),
        (["v=spf1 mx -all", "v=spf1 a -all"], Health.FAIL),
        (["v=spf1 +all"], Health.FAIL),
        (["v=spf1 -all"], Health.FAIL),
        (["v=spf1 " + " ".join(f"include:{n}.dev" for n in range(11)) + " -all"], Health.FAIL),
        (["v=spf10 mx"], Health.FAIL),
    ],
)
def test_spf_is_judged(texts: list[str], health: Health) -> None:
    assert records.spf("papers.dev", texts).health is health


@pytest.mark.parametrize(
    ("return_path", "signer", "health"),
    [
        ("papers.dev", "papers.dev", Health.OK),
        ("mail.example", "papers.dev", Health.OK),
        ("bounces.papers.dev", None, Health.WARN),
        ("mail.example", None, Health.FAIL),
        ("papers.dev", "mail.example", Health.FAIL),
        ("evilpapers.dev", None, Health.FAIL),
    ],
)
def test_from_must_be_aligned(return_path: str, signer: str | None, health: Health) -> None:
    check = records.alignment("papers.dev", return_path=return_path, signer=signer, organisation="papers.dev")
    assert check.health is health


labels = st.from_regex(r"[a-z]{1,5}", fullmatch=True)


@given(st.lists(labels, min_size=1, max_size=3), labels)
def test_domain_is_aligned_with_what_is_below_it(above: list[str], below: str) -> None:
    domain = ".".join([*above, "dev"])
    assert records.aligned(domain, f"{below}.{domain}")
    assert not records.aligned(domain, f"{below}{domain}")


def test_address_must_have_a_name_that_has_the_address() -> None:
    assert records.reverse("11.2.3.4", [], []).health is Health.FAIL
    assert records.reverse("11.2.3.4", ["a.dev"], ["11.2.3.5"]).health is Health.FAIL
    assert records.reverse("11.2.3.4", ["a.dev"], ["11.2.3.4"]).health is Health.OK


@pytest.mark.parametrize(
    ("version", "health"),
    [
        ((3, 40, 1), Health.WARN),
        ((3, 44, 6), Health.OK),
        ((3, 45, 0), Health.WARN),
        ((3, 50, 7), Health.OK),
        ((3, 51, 2), Health.WARN),
        ((3, 51, 3), Health.OK),
        ((3, 60, 0), Health.OK),
    ],
)
def test_sqlite_with_the_wal_race_is_named(version: tuple[int, ...], health: Health) -> None:
    assert machine.sqlite_version(version).health is health


def test_missing_extension_names_its_cost() -> None:
    check = relay.offers(frozenset({"pipelining", "size"}))
    assert (check.health, "letters beyond ASCII" in check.remedy) == (Health.WARN, True)
