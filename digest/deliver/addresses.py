"""May this address be mailed over SMTP at all, and how is it written in the envelope? Pure.

Reserved names (RFC 2606, RFC 6761) never reach a reader: mail to them only makes bounces.
"""

import re
from functools import lru_cache

from email_validator import EmailNotValidError, validate_email

_RESERVED = re.compile(
    r"(?:^|\.)(?:test|invalid|localhost|local|example|example\.(?:com|net|org|edu))\.?$", re.IGNORECASE
)
_PLAIN = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]{1,64}@[a-z0-9](?:[a-z0-9.-]{0,252}[a-z0-9])?", re.I | re.ASCII)


def refusal(address: str) -> str | None:
    """Why this address cannot be mailed over SMTP, as a sentence; None if it can."""
    if reason := reserved(address.rpartition("@")[2]):
        return reason
    try:
        envelope_form(address)
    except ValueError as error:
        return str(error)
    return None


@lru_cache(maxsize=1024)
def reserved(domain: str) -> str | None:
    """Why no mail is sent to this domain, as a sentence; None if it is."""
    if _RESERVED.search(domain):
        return f"{domain} is a reserved example domain that no mail server serves; use a real address"
    return None


def envelope_form(address: str) -> str:
    """The address with its domain in ASCII (RFC 5890); the part before the @ may need SMTPUTF8.

    Raises ValueError with a sentence. Control characters, blanks and angle brackets never pass, so
    nothing can be smuggled into a command.
    """
    if _PLAIN.fullmatch(address) and ".." not in address:
        return address
    try:
        found = validate_email(address, check_deliverability=False, test_environment=True)
    except EmailNotValidError as error:
        raise ValueError(f"{address!r} is no mail address: {error}") from error
    return f"{found.local_part}@{found.ascii_domain}"
