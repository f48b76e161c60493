"""Settings are read once, whole, and a wrong one is named."""

from pathlib import Path

import pytest

from digest.config import Settings, read_settings, signing_keys
from digest.errors import ConfigError


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_nothing_needs_to_be_set() -> None:
    settings = read_settings()
    assert (settings.database_url, settings.smtp_url) == ("sqlite:///digest.db", None)


def test_dotenv_is_read(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("DIGEST_SITE_NAME=Papers of the lab\n")
    assert read_settings().site_name == "Papers of the lab"


def test_secrets_never_show(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIGEST_SMTP_URL", "smtp://ada:hunter2@mail.papers.dev:587")
    monkeypatch.setenv("DIGEST_SECRET_KEY", "hunter2 and hunter2")
    assert "hunter2" not in repr(read_settings())


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("DIGEST_SMPT_URL", "smtp://x", "did you mean DIGEST_SMTP_URL"),
        ("DIGEST_DATABASE_URL", "mysql://x", "DIGEST_DATABASE_URL: must be sqlite:///FILE or postgresql://"),
        ("DIGEST_SMTP_URL", "mail.papers.dev", "DIGEST_SMTP_URL: must be smtp://"),
        ("DIGEST_BASE_URL", "http://papers.dev", "DIGEST_BASE_URL: must begin with https://"),
        ("DIGEST_SMTP_CONNECTIONS", "many", "DIGEST_SMTP_CONNECTIONS: "),
        ("DIGEST_UNCERTAIN", "maybe", 'DIGEST_UNCERTAIN: must be resend-once or hold, not "maybe"'),
        ("DIGEST_LATE_HOURS", "99", "DIGEST_LATE_HOURS: must be 48 or less"),
        ("DIGEST_FROM", "me", 'DIGEST_FROM: "me" is no sender'),
        ("DIGEST_FROM", "A <a@b.de", "DIGEST_FROM: "),
        ("DIGEST_FROM", "Meier, A <a@b.de>", "in double quotes"),
        ("DIGEST_FROM", "A <a@b.de>\nBcc: c@d.de", "DIGEST_FROM: "),
        ("DIGEST_TEMPLATES", "nowhere", "DIGEST_TEMPLATES: there is no folder nowhere"),
        ("DIGEST_SECRET_KEY", "a long key that is good,short", "DIGEST_SECRET_KEY: each key needs 16"),
        ("DIGEST_SITE_NAME", "Two\nlines", "DIGEST_SITE_NAME: must be one line"),
        ("DIGEST_TRUSTED_PROXIES", "127.0.0.1, me", 'DIGEST_TRUSTED_PROXIES: "me" is no address'),
        ("DIGEST_LMTP_LISTEN", "localhost", 'DIGEST_LMTP_LISTEN: "localhost" is not HOST:PORT'),
        ("DIGEST_LMTP_LISTEN", "localhost:99999", "is not HOST:PORT"),
        ("DIGEST_BOUNCE_URL", "http://x", "DIGEST_BOUNCE_URL: must be imaps://"),
        ("DIGEST_BOUNCE_URL", "imap://me@host:many/INBOX", "DIGEST_BOUNCE_URL: the port must be"),
        ("DIGEST_SMTP_URL", "smtp://mail.papers.dev:99999", "DIGEST_SMTP_URL: the port must be"),
        ("DIGEST_BASE_URL", "https://papers.dev:x", "DIGEST_BASE_URL: the port must be"),
        ("DIGEST_DKIM_DOMAIN", "papers.dev", "and DIGEST_DKIM_KEY_FILE together"),
    ],
)
def test_wrong_setting_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, sentence: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=sentence):
        read_settings()


@pytest.mark.parametrize(
    "sender", ["digest <digest@localhost>", "Labor\u00a0A <a@b.de>", "a@b.de", '"Meier, A" <a@b.de>']
)
def test_sender_stays_as_it_was_written(monkeypatch: pytest.MonkeyPatch, sender: str) -> None:
    monkeypatch.setenv("DIGEST_FROM", sender)
    assert read_settings().from_ == sender


def test_password_is_never_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIGEST_SMTP_URL", "smtp://ada:hunt/er2@mail.papers.dev")
    with pytest.raises(ConfigError, match="%2F") as caught:
        read_settings()
    assert "hunt" not in str(caught.value)


def test_misspelled_name_in_dotenv_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PATH_OF_OTHERS=1\nDIGEST_SMPT_URL=smtp://x\n")
    with pytest.raises(ConfigError, match="did you mean DIGEST_SMTP_URL"):
        read_settings()


def test_key_is_made_once_beside_the_file(tmp_path: Path) -> None:
    first = signing_keys(read_settings(), tmp_path / "digest.db")
    assert first == signing_keys(read_settings(), tmp_path / "digest.db")
    assert (tmp_path / "digest.secret").stat().st_mode & 0o777 == 0o600


def test_postgresql_needs_a_shared_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIGEST_DATABASE_URL", "postgresql://localhost/digest")
    with pytest.raises(ConfigError, match="DIGEST_SECRET_KEY is not set"):
        signing_keys(read_settings(), None)


def test_keys_rotate_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIGEST_SECRET_KEY", f"{'new' * 9}, {'old' * 9}")
    assert signing_keys(read_settings(), None) == ("new" * 9, "old" * 9)


@pytest.mark.parametrize(
    ("name", "value", "field", "meant"),
    [
        (
            "DIGEST_BASE_URL",
            "https://bücher.dev:8443/für/",
            "base_url",
            "https://xn--bcher-kva.dev:8443/f%C3%BCr",
        ),
        ("DIGEST_FROM", "Päpers <papers@straße.de>", "from_", "Päpers <papers@xn--strae-oqa.de>"),
        ("DIGEST_FROM", "Papers <papers@localhost>", "from_", "Papers <papers@localhost>"),
        ("DIGEST_REPLY_TO", "post@bücher.dev", "reply_to", "post@xn--bcher-kva.dev"),
        ("DIGEST_BOUNCE_ADDRESS", "post@BÜCHER.dev", "bounce_address", "post@xn--bcher-kva.dev"),
        ("DIGEST_DKIM_DOMAIN", "straße.de", "dkim_domain", "xn--strae-oqa.de"),
    ],
)
def test_domains_of_ours_are_kept_as_the_wire_has_them(
    name: str, value: str, field: str, meant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    assert getattr(Settings(), field) == meant
