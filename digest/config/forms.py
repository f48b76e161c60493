"""The forms that settings must have: each reader gives the value back or says what to write. Pure.

No sentence repeats a value that may hold a password.
"""

import ipaddress
import os
import re
from email.utils import parseaddr
from pathlib import Path
from urllib.parse import quote, urlsplit

from pydantic import SecretStr

from digest.config.addresses import normalise_address
from digest.domains import ascii_domain

#: A shorter key of signed links can be guessed from one link.
SHORTEST_KEY = 16

#: What breaks a line or steers a terminal; a no-break space or a joined emoji does neither.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
#: `digest@localhost`, `papers@mailhost`: names without a dot are known on one network only.
_ON_THIS_NET = re.compile(r"[\w+-]+(\.[\w+-]+)*@[a-z0-9-]+", re.IGNORECASE | re.ASCII)
_SENDER = re.compile(r"(?:[^<>]*<)?([^<>\s]+@[^<>\s]+?)(>?)")


def public_address(url: str) -> str:
    """An address for readers: https, or http on this machine."""
    parts = urlsplit(url)
    known = ("localhost", "127.0.0.1", "::1")
    if parts.hostname and (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in known)):
        port(url)
        return _in_ascii(url).rstrip("/")
    raise ValueError("must begin with https:// (http:// only for localhost)")


def _in_ascii(url: str) -> str:
    """The address as a header of a mail can hold it."""
    parts = urlsplit(url)
    number = f":{parts.port}" if parts.port else ""
    host = parts.netloc if parts.netloc.isascii() else ascii_domain(parts.hostname or "") + number
    rest = url.partition(parts.netloc)[2]
    return f"{parts.scheme}://{host}{quote(rest, safe='/?#@!$&*+,;=:%~')}"


def database(url: str) -> str:
    """The address of a database that we speak to."""
    if url.startswith("postgresql://"):
        port(url)
        return url
    if url.startswith("sqlite:///"):
        return url
    raise ValueError("must be sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME")


def smtp(url: SecretStr) -> SecretStr:
    """The address of a mail server."""
    parts = urlsplit(url.get_secret_value())
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
        raise ValueError("must be smtp://USER:PASSWORD@HOST:PORT or smtps://…")
    port(url.get_secret_value())
    return url


def inbox(url: SecretStr) -> SecretStr:
    """The address of a mailbox that is read by IMAP."""
    parts = urlsplit(url.get_secret_value())
    if parts.scheme not in ("imap", "imaps") or not parts.hostname or not parts.username:
        raise ValueError("must be imaps://USER:PASSWORD@HOST/INBOX")
    port(url.get_secret_value())
    return url


def port(url: str) -> int | None:
    """The port that an address names. Raises ValueError; a password with a slash is the usual cause."""
    try:
        number = urlsplit(url).port
    except ValueError:
        number = 0
    if number == 0:
        raise ValueError(
            "the port must be a number from 1 to 65535 "
            "(write / : @ ? # in a user name or password as %2F %3A %40 %3F %23)"
        )
    return number


def listening(where: str) -> str:
    """HOST:PORT of this machine."""
    host, _, number = where.rpartition(":")
    if host and number.isascii() and number.isdigit() and int(number) <= 65535:
        return where
    raise ValueError(f'"{where}" is not HOST:PORT; write for example 127.0.0.1:2424')


def sender(text: str) -> str:
    """`Name <address>` or an address alone, its domain as the wire has it; nothing is repaired."""
    found = _SENDER.fullmatch(text.strip())
    whole = found and bool(found[2]) == ("<" in text) and not _CONTROL.search(text)
    try:
        if not found or not whole or parseaddr(text)[1] != found[1]:
            raise ValueError
        address = found[1] if _ON_THIS_NET.fullmatch(found[1]) else mailbox(found[1])
    except ValueError as error:
        raise ValueError(
            f'"{text}" is no sender; write digest@lab.org or Papers <digest@lab.org>, '
            "and a name with a comma in double quotes"
        ) from error
    return text.strip().replace(found[1], address)


def mailbox(text: str) -> str:
    """An address of ours, its domain as the wire has it."""
    local, _, domain = normalise_address(text).rpartition("@")
    return f"{local}@{ascii_domain(domain)}"


def networks(value: object) -> object:
    """Addresses and networks, comma-separated."""
    if not isinstance(value, str):
        return value
    listed = tuple(part.strip() for part in value.split(",") if part.strip())
    for one in listed:
        try:
            ipaddress.ip_network(one, strict=False)
        except ValueError as error:
            raise ValueError(f'"{one}" is no address or network such as 127.0.0.1 or 10.0.0.0/8') from error
    return listed


def keys(secret: SecretStr) -> SecretStr:
    """Keys, comma-separated, none of them short."""
    if any(0 < len(key.strip()) < SHORTEST_KEY for key in secret.get_secret_value().split(",")):
        raise ValueError(f"each key needs {SHORTEST_KEY} random characters or more; 32 are good")
    return secret


def one_line(text: str) -> str:
    """A text without line breaks or other control characters."""
    if not text.strip() or _CONTROL.search(text):
        raise ValueError("must be one line of text, without line breaks or control characters")
    return text.strip()


def folder(path: Path) -> Path:
    """A folder that exists."""
    if not os.path.isdir(path):
        raise ValueError(f"there is no folder {path}; make it, or unset this")
    return path
