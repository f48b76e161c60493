"""TLS for real: smtps and STARTTLS against a certificate that is trusted, or not."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from digest.deliver.relay import parse_relay
from digest.deliver.smtp import SmtpTransport
from digest.models import Outcome, Verdict
from tests.deliver.test_smtp import envelope

READERS = [f"r{number}@papers.dev" for number in range(150)]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Certificate and key for localhost, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + built.public_bytes(serialization.Encoding.PEM))
    return path


class Box:
    """aiosmtpd's handler; with PIPELINING, as Postfix has it."""

    def __init__(self) -> None:
        self.recipients: list[str] = []

    async def handle_EHLO(
        self, server: Any, session: Any, envelope: Any, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        return [responses[0], "250-PIPELINING", *responses[1:]]

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        assert server.transport.get_extra_info("ssl_object")
        self.recipients += envelope.rcpt_tos
        return "250 2.0.0 taken"


@asynccontextmanager
async def server(certificate: Path, *, smtps: bool) -> AsyncIterator[tuple[Box, int]]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    box, loop = Box(), asyncio.get_running_loop()
    options: dict[str, Any] = {} if smtps else {"tls_context": context, "require_starttls": True}
    listener = await loop.create_server(
        lambda: SMTP(box, loop=loop, **options), "127.0.0.1", 0, ssl=context if smtps else None
    )
    yield box, listener.sockets[0].getsockname()[1]
    listener.close()


async def send(url: str, trust: ssl.SSLContext | None, recipients: list[str]) -> list[Outcome]:
    transport = SmtpTransport(parse_relay(url), connections=2, check_certificates=trust)
    outcomes = await asyncio.gather(*(transport.send(envelope(to)) for to in recipients))
    await transport.close()
    return outcomes


@pytest.mark.parametrize("kind", ["smtps://localhost:{}", "smtp://localhost:{}?starttls=required"])
async def test_mail_travels_encrypted_and_pipelined(certificate: Path, kind: str) -> None:
    trust = ssl.create_default_context(cafile=str(certificate))
    async with server(certificate, smtps=kind.startswith("smtps")) as (box, port):
        outcomes = await send(kind.format(port), trust, READERS)
    assert {outcome.verdict for outcome in outcomes} == {Verdict.ACCEPTED}
    assert sorted(box.recipients) == sorted(READERS)


@pytest.mark.parametrize("kind", ["smtps://localhost:{}", "smtp://localhost:{}?starttls=required"])
async def test_an_unknown_certificate_gets_no_mail(certificate: Path, kind: str) -> None:
    async with server(certificate, smtps=kind.startswith("smtps")) as (box, port):
        (outcome,) = await send(kind.format(port), None, READERS[:1])
    assert (outcome.verdict, outcome.stage, box.recipients) == (Verdict.UNAVAILABLE, "connect", [])
    assert "certificate" in outcome.reply


async def test_optional_encryption_takes_any_certificate(certificate: Path) -> None:
    """RFC 7435: better than clear text, and nothing secret is sent."""
    async with server(certificate, smtps=False) as (box, port):
        (outcome,) = await send(f"smtp://localhost:{port}?starttls=optional", None, READERS[:1])
    assert (outcome.verdict, box.recipients) == (Verdict.ACCEPTED, READERS[:1])
