"""Mail goes out even while the operator's templates are broken: then in the look that we ship.

What can be known beforehand is known when the makers are built; a variable that is missing only for some
papers shows when their mail is made. Either way the fault is told, with its file and line.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Generic, TypedDict, TypeVar, Unpack

from digest.compose.letters import Letters, Wording
from digest.compose.message import Composer
from digest.errors import TemplateError
from digest.links import Links
from digest.models import Issue, Message, Paper, Site, Subscriber

#: Told of every fault of a template, as it arises.
Tell = Callable[[TemplateError], None]

T = TypeVar("T")


class Stamp(TypedDict):
    """What is decided once for a mail and kept for every attempt."""

    message_id: str
    created_at: datetime


class _Steady(Generic[T]):
    """One maker of messages with the operator's templates and, once it is needed, one with ours."""

    def __init__(self, make: Callable[[Site], T], site: Site, tell: Tell) -> None:
        self._make = make
        self._site = site
        self._tell = tell
        self._spare: T | None = None
        self._own: T | None = None
        try:
            self._own = make(site)
        except TemplateError as error:
            tell(error)

    def write(self, fill: Callable[[T], Message]) -> Message:
        if self._own is not None:
            try:
                return fill(self._own)
            except TemplateError as error:
                self._tell(error)
        if self._spare is None:
            self._spare = self._make(replace(self._site, template_folder=None))
        return fill(self._spare)


class SteadyComposer:
    """As `Composer`, but a broken template of the operator stops no mail."""

    def __init__(self, site: Site, links: Links, tell: Tell) -> None:
        """Never raises for the operator's templates: `tell` hears what is wrong with them."""
        self._steady = _Steady(lambda site: Composer(site, links), site, tell)

    def message(
        self, issue: Issue, subscriber: Subscriber, papers: Mapping[str, Paper], **stamp: Unpack[Stamp]
    ) -> Message:
        """The mail of a frozen issue; see `Composer.message`."""
        return self._steady.write(lambda composer: composer.message(issue, subscriber, papers, **stamp))


#: Whatever makes the mails of issues.
AnyComposer = Composer | SteadyComposer


class SteadyLetters:
    """As `Letters`, but a broken template of the operator stops no letter."""

    def __init__(self, site: Site, tell: Tell) -> None:
        """Never raises for the operator's templates: `tell` hears what is wrong with them."""
        self._steady = _Steady(Letters, site, tell)

    def letter(self, wording: Wording, email: str, url: str, **stamp: Unpack[Stamp]) -> Message:
        """One letter with one link; see `Letters.letter`."""
        return self._steady.write(lambda letters: letters.letter(wording, email, url, **stamp))
