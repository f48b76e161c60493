"""Settings: `DIGEST_*` from the environment or `.env`, read once; secrets never show in a repr."""

import contextlib
import difflib
import os
import secrets
from pathlib import Path
from typing import Annotated, Any, Literal

from dotenv import dotenv_values
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from digest.config import forms
from digest.config.voice import plainly
from digest.domains import ascii_domain
from digest.errors import ConfigError

Mailbox = Annotated[str, AfterValidator(forms.mailbox)]


class Settings(BaseSettings):
    """Every promised setting; the README's table says what each does."""

    model_config = SettingsConfigDict(
        env_prefix="DIGEST_", env_file=".env", extra="ignore", frozen=True, env_ignore_empty=True
    )

    database_url: Annotated[str, AfterValidator(forms.database)] = "sqlite:///digest.db"
    smtp_url: Annotated[SecretStr, AfterValidator(forms.smtp)] | None = None
    outbox: Path = Path("outbox")
    from_: Annotated[str, AfterValidator(forms.sender)] = Field(
        "digest <digest@localhost>", alias="DIGEST_FROM"
    )
    reply_to: Mailbox | None = None
    site_name: Annotated[str, AfterValidator(forms.one_line)] = "digest"
    postal_address: str | None = None
    imprint_url: Annotated[str, AfterValidator(forms.public_address)] | None = None
    base_url: Annotated[str, AfterValidator(forms.public_address)] | None = None
    secret_key: Annotated[SecretStr, AfterValidator(forms.keys)] | None = None
    admin_token: SecretStr | None = None
    signup_proof: Annotated[int, Field(ge=0, le=24)] = 0
    trusted_proxies: Annotated[tuple[str, ...], NoDecode, BeforeValidator(forms.networks)] = ()
    dkim_domain: Annotated[str, AfterValidator(ascii_domain)] | None = None
    dkim_selector: str | None = None
    dkim_key_file: Path | None = None
    bounce_address: Mailbox | None = None
    bounce_url: Annotated[SecretStr, AfterValidator(forms.inbox)] | None = None
    lmtp_listen: Annotated[str, AfterValidator(forms.listening)] | None = None
    webhook_secret: SecretStr | None = None
    smtp_connections: Annotated[int, Field(ge=1, le=256)] = 4
    smtp_rate: Annotated[float, Field(gt=0)] | None = None
    uncertain: Literal["resend-once", "hold"] = "resend-once"
    late_hours: Annotated[float, Field(ge=0, le=48)] = 3.0
    retention_days: Annotated[int, Field(ge=40)] | None = None
    retention_paper_days: Annotated[int, Field(ge=40)] | None = None
    retention_event_days: Annotated[int, Field(ge=8)] | None = None
    model: Path | None = None
    templates: Annotated[Path, AfterValidator(forms.folder)] | None = None
    config: Path = Path("subscribers.yaml")


def read_settings() -> Settings:
    """The settings of this process. Raises ConfigError that names the variable and the remedy."""
    _refuse_unknown()
    try:
        settings = Settings()
    except UnicodeDecodeError as error:
        raise ConfigError(f".env: is not UTF-8 text (byte {error.start}); save it as UTF-8") from error
    except ValidationError as error:
        raise ConfigError("\n".join(_sentence(fault) for fault in error.errors())) from error
    dkim_files(settings)
    return settings


def dkim_files(settings: Settings) -> list[tuple[str, Path]]:
    """Each DKIM selector and its key file; none: the relay signs. Raises ConfigError for half a set."""
    given = (settings.dkim_domain, settings.dkim_selector, settings.dkim_key_file)
    if not any(given):
        return []
    domain, selector, path = given
    if not (domain and selector and path):
        raise ConfigError("set DIGEST_DKIM_DOMAIN, DIGEST_DKIM_SELECTOR and DIGEST_DKIM_KEY_FILE together")
    selectors = [one.strip() for one in selector.split(",")]
    files = [Path(one.strip()) for one in str(path).split(",")]
    if len(selectors) != len(files):
        raise ConfigError(
            f"DIGEST_DKIM_SELECTOR names {len(selectors)} selectors, DIGEST_DKIM_KEY_FILE {len(files)}: "
            "each needs its own"
        )
    if absent := [file for file in files if not os.path.isfile(file)]:
        raise ConfigError(f"DIGEST_DKIM_KEY_FILE: there is no file {absent[0]}")
    return list(zip(selectors, files, strict=True))


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
    for name in sorted({*os.environ, *_names_in_dotenv()}):
        if name.startswith("DIGEST_") and not name.startswith("DIGEST_TEST_") and name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"; did you mean {near[0]}?" if near else "; see the settings in README.md"
            raise ConfigError(f"{name} is not a setting{hint}")


def _names_in_dotenv() -> set[str]:
    """Settings that `.env` names; its other lines belong to other programs."""
    try:
        return {name.upper() for name in dotenv_values(".env") if name.upper().startswith("DIGEST_")}
    except (OSError, UnicodeDecodeError):
        return set()  # told when the values are read


def _sentence(fault: Any) -> str:
    name = str(fault["loc"][0]).removeprefix("DIGEST_").upper()
    return f"DIGEST_{name}: {plainly(fault)}"
