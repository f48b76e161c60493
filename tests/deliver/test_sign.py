import subprocess
from collections.abc import Callable
from pathlib import Path

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from digest.compose.message import Composer
from digest.deliver.sign import Key, dns_record, load_key, sign
from digest.errors import ConfigError
from digest.links import Links
from tests.compose.golden import cases
from tests.make import NOW, make_issue, make_paper, make_papers, make_site, make_subscriber

RSA = Key("papers.dev", "rsa", rsa.generate_private_key(65537, 2048))
ED25519 = Key("papers.dev", "ed", ed25519.Ed25519PrivateKey.generate())
GOLDEN = cases()
RECORDS = {f"{name}.".encode(): value.encode() for name, value in map(dns_record, (RSA, ED25519))}


def digest_mail() -> bytes:
    composer = Composer(make_site(reply_to="desk@papers.dev"), Links("https://papers.dev", ("key",)))
    papers = make_papers(*(make_paper(n, title=f"Ünïcode paper {n}") for n in range(3)))
    return composer.message(
        make_issue(0, 1, 2), make_subscriber(), papers, message_id="<1.a@papers.dev>", created_at=NOW
    ).raw


def verified(raw: bytes, position: int = 0) -> bool:
    def answer(name: bytes, timeout: int = 5) -> bytes:
        return RECORDS[name]

    try:
        return bool(dkim.DKIM(raw).verify(idx=position, dnsfunc=answer))
    except dkim.ValidationError:  # the body hash alone is wrong
        return False


def test_both_signatures_are_good() -> None:
    signed = sign(digest_mail(), [RSA, ED25519])
    assert verified(signed, 0)
    assert verified(signed, 1)
    assert b"c=relaxed/simple" in signed


def test_what_rfc_8058_demands_is_signed() -> None:
    head = sign(digest_mail(), [RSA]).partition(b" bh=")[0].replace(b"\r\n ", b"")
    names = head.partition(b"h=")[2].rstrip(b";\r\n").split(b":")
    assert {b"list-unsubscribe", b"list-unsubscribe-post", b"message-id", b"reply-to"} <= set(names)
    assert names.count(b"from") == 2


def test_signing_twice_gives_the_same_bytes() -> None:
    assert sign(digest_mail(), [RSA, ED25519]) == sign(digest_mail(), [RSA, ED25519])


def test_without_a_key_nothing_is_added() -> None:
    assert sign(digest_mail(), []) == digest_mail()


TAMPERED: list[Callable[[bytes], bytes]] = [
    lambda raw: raw.replace(b"List-Unsubscribe=One-Click", b"List-Unsubscribe=Two-Click"),
    lambda raw: raw.replace(b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n", b""),
    lambda raw: raw.replace(b"\r\nSubject:", b"\r\nSubject: Buy now\r\nSubject:"),
    lambda raw: raw.replace(b"\r\nFrom:", b"\r\nFrom: Bank <bank@x.org>\r\nFrom:"),
    lambda raw: raw.replace(b"https://arxiv.org", b"https://arxiv.com"),
    lambda raw: raw + b"more\r\n",
]


@pytest.mark.parametrize("tamper", TAMPERED)
def test_tampering_is_caught(tamper: Callable[[bytes], bytes]) -> None:
    signed = sign(digest_mail(), [RSA])
    changed = tamper(signed)
    assert changed != signed
    assert not verified(changed)


def test_blanks_and_case_of_headers_may_change() -> None:
    signed = sign(digest_mail(), [RSA])
    assert verified(signed.replace(b"\r\nSubject: ", b"\r\nsubject:   "))
    assert verified(signed + b"\r\n\r\n")


def pem(private: object) -> bytes:
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())  # type: ignore[attr-defined,no-any-return]


def test_key_is_read_from_its_file() -> None:
    assert load_key("bücher.example", "s", pem(RSA.private)).domain == "xn--bcher-kva.example"
    assert load_key("papers.dev", "s", pem(ED25519.private)).algorithm == "ed25519-sha256"


@pytest.mark.parametrize("content", [b"", b"no key", pem(dsa.generate_private_key(1024))])
def test_what_is_no_key_is_refused_with_a_sentence(content: bytes) -> None:
    with pytest.raises(ConfigError, match="key"):
        load_key("papers.dev", "s", content)


def test_record_is_what_the_zone_publishes() -> None:
    name, value = dns_record(RSA)
    assert name == "rsa._domainkey.papers.dev"
    assert value.startswith("v=DKIM1; k=rsa; p=MIIB")


@pytest.mark.parametrize("name", GOLDEN)
def test_every_golden_mail_verifies(name: str) -> None:
    signed = sign(GOLDEN[name].raw, [RSA, ED25519])
    assert verified(signed, 0)
    assert verified(signed, 1)
    assert b"DKIM-Signature" not in GOLDEN[name].raw


@pytest.mark.system
def test_opendkim_verifies_and_catches_tampering(tmp_path: Path) -> None:
    """opendkim reads keys from a file and judges by the line that it prints, not by its exit status."""
    name, value = dns_record(RSA)
    (tmp_path / "keys").write_text(f"{name} {value}\n")
    (tmp_path / "conf").write_text(f"Mode v\nTestPublicKeys {tmp_path}/keys\nSyslog no\n")
    good = {name: sign(message.raw, [RSA]) for name, message in GOLDEN.items()}
    bad = good["weekly"].replace(b"List-Unsubscribe=One-Click", b"List-Unsubscribe=Two-Click")
    said = {name: opendkim(tmp_path, raw) for name, raw in good.items()}
    wanted = "verification (s=rsa, d=papers.dev, 2048-bit key) succeeded"
    assert [name for name, lines in said.items() if wanted not in lines] == []
    assert "succeeded" not in opendkim(tmp_path, bad)


def opendkim(folder: Path, raw: bytes) -> str:
    """What opendkim says of a message, by the keys and the configuration in `folder`."""
    (folder / "mail.eml").write_bytes(raw)
    command = ["opendkim", "-x", str(folder / "conf"), "-t", str(folder / "mail.eml"), "-v"]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return run.stdout + run.stderr
