"""Domain names as they go over the wire: A-labels of IDNA 2008 (RFC 5890), as mail servers write them.

Python's own codec knows IDNA 2003 alone, under which `straße.de` is somebody else's `strasse.de`. Pure.
"""

from functools import lru_cache

from email_validator import EmailNotValidError, validate_email


@lru_cache(maxsize=8192)
def ascii_domain(domain: str) -> str:
    """The domain in ASCII and lower case. Raises ValueError for one that no registry could hold."""
    if domain.isascii():
        return domain.lower()
    try:
        found = validate_email(f"postmaster@{domain}", check_deliverability=False, test_environment=True)
    except EmailNotValidError as error:
        raise ValueError(f"{domain} is no name of a domain: {error}") from error
    return found.ascii_domain
