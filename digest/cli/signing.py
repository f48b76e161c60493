"""The DKIM keys of the settings."""

from pathlib import Path

from digest.config import Settings
from digest.deliver.sign import Key, load_key
from digest.errors import ConfigError


def dkim_keys(settings: Settings) -> list[Key]:
    """One key for each selector, comma-separated as their files are; none: the relay signs.

    Raises ConfigError for half a configuration or a bad file.
    """
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
    return [_key(domain, one, file) for one, file in zip(selectors, files, strict=True)]


def _key(domain: str, selector: str, path: Path) -> Key:
    try:
        return load_key(domain, selector, path.read_bytes())
    except OSError as error:
        raise ConfigError(f"DIGEST_DKIM_KEY_FILE: {path} cannot be read ({error.strerror})") from error
