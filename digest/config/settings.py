"""Settings: `DIGEST_*` from the environment or `.env`, read once; secrets never show in a repr."""

import contextlib
import difflib
import os
import secrets
from email.utils import parseaddr
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import SplitResult, quote, urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from digest.config.addresses import normalise_address
from digest.domains import ascii_domain
from digest.errors import ConfigError


def _public_address(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme == "https" and parts.hostname:
        return _in_ascii(url, parts).rstrip("/")
    if parts.scheme == "http" and parts.hostname in ("localhost", "127.0.0.1", "::1"):
        return url.rstrip("/")
    raise ValueError("must begin with https:// (http:// only for localhost)")


def _in_ascii(url: str, parts: SplitResult) -> str:
    """The address as a header of a mail can hold it."""
    port = f":{parts.port}" if parts.port else ""
    host = parts.netloc if parts.netloc.isascii() else ascii_domain(parts.hostname or "") + port
    rest = url.partition(parts.netloc)[2]
    return f"{parts.scheme}://{host}{quote(rest, safe='/?#@!$&*+,;=:%~')}"


def _mailbox(text: str) -> str:
    """An address of ours, its domain as the wire has it."""
    local, _, domain = normalise_address(text).rpartition("@")
    return f"{local}@{ascii_domain(domain)}"


def _sender(text: str) -> str:
    """`Name <address>`, or an address alone."""
    _, address = parseaddr(text)
    if address.endswith("@localhost"):  # as it is until it is set
        return text
    return text.replace(address, _mailbox(address))


def _database(url: str) -> str:
    if url.startswith(("sqlite:///", "postgresql://")):
        return url
    raise ValueError("must be sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME")


def _smtp(url: SecretStr) -> SecretStr:
    parts = urlsplit(url.get_secret_value())
    if parts.scheme in ("smtp", "smtps") and parts.hostname:
        return url
    raise ValueError("must be smtp://USER:PASSWORD@HOST:PORT or smtps://…")


def _listed(text: object) -> object:
    return tuple(part.strip() for part in text.split(",")) if isinstance(text, str) else text


Mailbox = Annotated[str, AfterValidator(_mailbox)]


class Settings(BaseSettings):
    """Every promised setting; the README's table says what each does."""

    model_config = SettingsConfigDict(
        env_prefix="DIGEST_", env_file=".env", extra="ignore", frozen=True, env_ignore_empty=True
    )

    database_url: Annotated[str, AfterValidator(_database)] = "sqlite:///digest.db"
    smtp_url: Annotated[SecretStr, AfterValidator(_smtp)] | None = None
    outbox: Path = Path("outbox")
    from_: Annotated[str, AfterValidator(_sender)] = Field("digest <digest@localhost>", alias="DIGEST_FROM")
    reply_to: Mailbox | None = None
    site_name: str = "digest"
    postal_address: str | None = None
    imprint_url: Annotated[str, AfterValidator(_public_address)] | None = None
    base_url: Annotated[str, AfterValidator(_public_address)] | None = None
    secret_key: SecretStr | None = None
    admin_token: SecretStr | None = None
    signup_proof: Annotated[int, Field(ge=0, le=24)] = 0
    trusted_proxies: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed)] = ()
    dkim_domain: Annotated[str, AfterValidator(ascii_domain)] | None = None
    dkim_selector: str | None = None
    dkim_key_file: Path | None = None
    bounce_address: Mailbox | None = None
    bounce_url: SecretStr | None = None
    lmtp_listen: str | None = None
    webhook_secret: SecretStr | None = None
    smtp_connections: Annotated[int, Field(ge=1, le=256)] = 4
    smtp_rate: Annotated[float, Field(gt=0)] | None = None
    uncertain: Literal["resend-once", "hold"] = "resend-once"
    late_hours: Annotated[float, Field(ge=0, le=48)] = 3.0
    retention_days: Annotated[int, Field(ge=40)] | None = None
    retention_paper_days: Annotated[int, Field(ge=40)] | None = None
    retention_event_days: Annotated[int, Field(ge=8)] | None = None
    model: Path | None = None
    templates: Path | None = None
    config: Path = Path("subscribers.yaml")


def read_settings() -> Settings:
    """The settings of this process. Raises ConfigError that names the variable and the remedy."""
    _refuse_unknown()
    try:
        return Settings()
    except ValidationError as error:
        raise ConfigError("\n".join(_sentence(fault) for fault in error.errors())) from error


def signing_keys(settings: Settings, database: Path | None) -> tuple[str, ...]:
    """The keys of signed links, the signing one first; on SQLite made once beside the file.

    Raises ConfigError on PostgreSQL without DIGEST_SECRET_KEY: many machines must share one key.
    """
    if settings.secret_key:
        keys = [key.strip() for key in settings.secret_key.get_secret_value().split(",")]
        if found := tuple(key for key in keys if key):
            return found
    if settings.database_url.startswith("postgresql"):
        raise ConfigError(
            "DIGEST_SECRET_KEY is not set; on PostgreSQL every process needs the same one: "
            "set it to 32 or more random characters"
        )
    return (_key_beside(database),) if database else (secrets.token_urlsafe(32),)


def _key_beside(database: Path) -> str:
    path = database.with_suffix(".secret")
    try:
        if not path.exists():
            _make_key(path)
    except OSError as error:
        raise ConfigError(f"{path}: cannot keep the secret key there ({error.strerror})") from error
    if key := path.read_text().strip():
        return key
    raise ConfigError(f"{path}: the secret key is empty; restore it, or delete the file to make a new one")


def _make_key(path: Path) -> None:
    """Write the key aside and link it into place: two first runs at once agree on one key."""
    aside = path.with_suffix(f".{secrets.token_hex(4)}")
    try:
        with open(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(32))
        with contextlib.suppress(FileExistsError):
            os.link(aside, path)
    finally:
        aside.unlink(missing_ok=True)


def _refuse_unknown() -> None:
    """A setting that is misspelled would silently do nothing; say so instead."""
    known = {f"DIGEST_{name.strip('_').upper()}" for name in Settings.model_fields}
    for name in sorted(os.environ):
        if name.startswith("DIGEST_") and not name.startswith("DIGEST_TEST_") and name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"; did you mean {near[0]}?" if near else "; see the settings in README.md"
            raise ConfigError(f"{name} is not a setting{hint}")


def _sentence(fault: object) -> str:
    location, message = fault["loc"][0], fault["msg"]  # type: ignore[index]
    name = str(location).removeprefix("DIGEST_").upper()
    return f"DIGEST_{name}: {message.removeprefix('Value error, ')}"
