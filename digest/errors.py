"""The errors that an operator can act on. Programming errors keep their own types.

    DigestError
    ├── ConfigError          a setting, a command-line value or subscribers.yaml   (exit status 2)
    ├── SourceError          one source; the others go on
    │   ├── FetchError       no usable answer: network, HTTP status, size, forbidden address
    │   └── ParseError       an answer that is no feed, or that took too long to read
    ├── StorageError         the database: missing, locked, foreign, full
    │   ├── BusyError        another process holds the pass
    │   └── HeldError        the database looks restored or copied: nothing is sent until confirmed
    ├── RankError            a topic or a file of papers that cannot be ranked
    ├── ModelError           the optional model: missing, altered, unreadable; ranking goes on without
    ├── TemplateError        an operator's template, with its file and line
    ├── SendError            handing a message over; the ledger knows the stage
    └── LinkError            a signed link that was altered, is expired or has another purpose
        └── ExpiredError     one that was good once; knows whose it was

Each message is one sentence that names the file, line, key or address and says what to do.
"""


class DigestError(Exception):
    """Base of every error that is shown to a person as one sentence."""


class ConfigError(DigestError, ValueError):
    """A setting, a command-line value or subscribers.yaml is wrong."""


class SourceError(DigestError):
    """One source failed; `retry_after` is the server's wish in seconds, if it had one."""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class FetchError(SourceError, ConnectionError):
    """No usable answer: network, HTTP status, size, forbidden address."""

    status: int | None = None  # HTTP status, if the server answered with one


class ParseError(SourceError, ValueError):
    """The answer is no feed, or took too long to read."""


class StorageError(DigestError):
    """The database is missing, locked, foreign, full or of another version."""


class BusyError(StorageError):
    """Another process holds the pass."""


class HeldError(StorageError):
    """The database looks restored, copied or moved; nothing is sent until the operator confirms."""


class RankError(DigestError, ValueError):
    """A topic or a file of papers cannot be ranked."""


class ModelError(DigestError):
    """The optional model is missing, altered or unreadable; ranking goes on by words."""


class TemplateError(DigestError):
    """An operator's template is broken; the message names file and line."""


class SendError(DigestError):
    """A message could not be handed over."""


class LinkError(DigestError, ValueError):
    """A signed link was altered, is expired or has another purpose."""


class ExpiredError(LinkError):
    """A signed link that was good once; `number` is what it was signed for."""

    def __init__(self, message: str, number: int) -> None:
        super().__init__(message)
        self.number = number
