from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from digest.cli.signing import dkim_keys
from digest.config import Settings
from digest.errors import ConfigError


def write_keys(folder: Path) -> str:
    paths = []
    for name, key in (
        ("rsa", rsa.generate_private_key(65537, 2048)),
        ("ed", ed25519.Ed25519PrivateKey.generate()),
    ):
        path = folder / f"{name}.pem"
        path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        paths.append(str(path))
    return ",".join(paths)


def settings(**values: object) -> Settings:
    return Settings(_env_file=None, **values)  # type: ignore[call-arg]


def test_two_selectors_have_two_keys(tmp_path: Path) -> None:
    keys = dkim_keys(
        settings(dkim_domain="papers.dev", dkim_selector="a, b", dkim_key_file=write_keys(tmp_path))
    )
    assert [(key.selector, key.algorithm) for key in keys] == [("a", "rsa-sha256"), ("b", "ed25519-sha256")]


def test_without_a_key_the_relay_signs() -> None:
    assert dkim_keys(settings()) == []


@pytest.mark.parametrize(
    "values",
    [
        {"dkim_domain": "papers.dev"},
        {"dkim_domain": "papers.dev", "dkim_selector": "a,b", "dkim_key_file": "one.pem"},
        {"dkim_domain": "papers.dev", "dkim_selector": "a", "dkim_key_file": "missing.pem"},
    ],
)
def test_half_a_configuration_is_refused(values: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="DIGEST_DKIM_KEY_FILE"):
        dkim_keys(settings(**values))
