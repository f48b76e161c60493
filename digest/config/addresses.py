"""E-mail addresses at the edge: checked once, so that nothing behind has to doubt them. Pure."""

from email_validator import EmailNotValidError, validate_email

#: Names that no mail reaches (RFC 2606, RFC 6761): allowed here for trying things out, refused by SMTP.
_RESERVED = ("test", "invalid", "example", "localhost", "local")


def normalise_address(text: str) -> str:
    """The address in its normal form. Raises ValueError with a sentence that says what is wrong."""
    reserved = text.rpartition("@")[2].rpartition(".")[2].lower() in _RESERVED
    try:
        found = validate_email(text, check_deliverability=False, globally_deliverable=not reserved)
    except EmailNotValidError as error:
        raise ValueError(f'"{text}" is not an e-mail address: {error}') from error
    return found.normalized
