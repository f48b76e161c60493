"""The DKIM keys of the settings."""

from pathlib import Path

from digest.config import Settings, dkim_files
from digest.deliver.sign import Key, load_key
from digest.errors import ConfigError


def dkim_keys(settings: Settings) -> list[Key]:
    """One key for each selector, comma-separated as their files are; none: the relay signs.

    Raises ConfigError for half a configuration or a bad file.
    """
    domain = settings.dkim_domain or ""
    return [_key(domain, selector, file) for selector, file in dkim_files(settings)]


def _key(domain: str, selector: str, path: Path) -> Key:
    try:
        return load_key(domain, selector, path.read_bytes())
    except OSError as error:
        raise ConfigError(f"DIGEST_DKIM_KEY_FILE: {path} cannot be read ({error.strerror})") from error
