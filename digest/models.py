"""The nouns: frozen, slotted dataclasses and enums. Imports nothing of ours.

Those that a pass or a run of delivery makes by the thousand are named tuples: as values they are the same,
and they are made and changed five times as fast.

Times end in `_at`, leases in `_until`; both are aware UTC. Collections are tuples. The words are
those of the glossary in README.md; where a word is not there, it does not belong here.
"""

from dataclasses import dataclass
from datetime import datetime, time
from email import message_from_bytes, policy
from email.message import EmailMessage
from enum import StrEnum
from typing import NamedTuple


class SourceKind(StrEnum):
    """How a source is asked; what its answer is, is detected from the content."""

    ARXIV = "arxiv"
    HUGGINGFACE = "huggingface"
    BIORXIV = "biorxiv"
    MEDRXIV = "medrxiv"
    FEED = "feed"
    EXAMPLE = "example"


class SourceState(StrEnum):
    """What the last answer of a source meant."""

    FRESH = "fresh"  # ids that were not stored before
    QUIET = "quiet"  # valid and empty, or no publishing day
    LATE = "late"  # publishing day, past the expected hour, nothing new yet
    STALE = "stale"  # the previous day's batch under a new date
    FAILED = "failed"  # no usable answer


class Announcement(StrEnum):
    """Why a feed shows an entry; the first five words are arXiv's own."""

    NEW = "new"
    CROSS = "cross"
    REPLACE = "replace"
    REPLACE_CROSS = "replace-cross"
    ABSENT = "absent"  # the feed does not say (API answers, the old RDF)
    LISTED = "listed"  # a daily list of papers that appeared elsewhere (Hugging Face)
    PUBLISHED = "published"  # a journal's or a preprint server's own item

    @property
    def is_replacement(self) -> bool:
        """True for a new version of a paper that was announced before."""
        return self in (Announcement.REPLACE, Announcement.REPLACE_CROSS)


class SubscriberStatus(StrEnum):
    """May we write to this address? Only `active` gets issues."""

    PENDING = "pending"
    ACTIVE = "active"
    PAUSED = "paused"
    UNSUBSCRIBED = "unsubscribed"
    SUPPRESSED = "suppressed"


class DeliveryState(StrEnum):
    """Where a delivery stands in the ledger; the last five are final but for a resend."""

    PENDING = "pending"
    CLAIMED = "claimed"  # leased by a worker, nothing said to the server
    DATA = "data"  # committed before the final dot: from here on the truth is the server's
    DEFERRED = "deferred"  # refused for now, due again later
    SENT = "sent"
    FAILED = "failed"
    UNCERTAIN = "uncertain"  # the final dot went out, no answer came back
    SUPPRESSED = "suppressed"
    EXPIRED = "expired"


class DeliveryKind(StrEnum):
    """What a delivery carries."""

    ISSUE = "issue"
    CONFIRMATION = "confirmation"
    NOTICE = "notice"


class Verdict(StrEnum):
    """What one attempt to hand a message over came to."""

    ACCEPTED = "accepted"
    DEFERRED = "deferred"  # 4xx, or no connection before the final dot
    REFUSED = "refused"  # 5xx
    UNAVAILABLE = "unavailable"  # no transport at all (421, login refused, disk full): the rest waits too
    UNKNOWN = "unknown"  # the link broke after the final dot


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A configured origin: one request, or one family of dated requests."""

    name: str  # unique: "arxiv:cs.CL", "huggingface", "Nature"
    family: str  # what `sources: [arxiv]` of a subscriber names
    kind: SourceKind
    url: str  # full address; Hugging Face: without `?date=`; example: the recording's name
    backfill_url: str | None = None  # replaces the arXiv API's address
    open: bool = False  # its abstracts may be shown on public pages


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One item of a feed, as published."""

    entry_id: str  # guid, Atom id or a hash of the item
    title: str
    abstract: str = ""
    authors: tuple[str, ...] = ()
    url: str = ""
    arxiv_id: str | None = None  # without version
    doi: str | None = None  # lower case, without resolver
    version: int | None = None
    categories: tuple[str, ...] = ()  # the first is the primary one
    announced: Announcement = Announcement.ABSENT
    published_at: datetime | None = None
    venue: str = ""  # journal or server, when the feed names it
    comment: str = ""
    votes: int | None = None  # Hugging Face's upvotes
    submitter: str = ""  # who brought it to a daily list
    licence: str = ""
    withdrawn: bool = False
    current: bool = False  # the newest version, though its number is not given (OAI-PMH)


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """The scholarly work after identity resolution: many entries, one paper."""

    id: str  # "arxiv:2604.10200", "doi:10.1101/…" or "title:HASH"
    title: str
    abstract: str = ""
    authors: tuple[str, ...] = ()
    url: str = ""
    doi: str | None = None
    version: int = 1
    categories: tuple[str, ...] = ()
    venue: str = ""
    comment: str = ""
    licence: str = ""
    published_at: datetime | None = None
    first_seen_at: datetime | None = None
    first_seen_pass: int | None = None
    eligible_at: datetime | None = None  # set once; None: never eligible for digests
    eligible_pass: int | None = None
    votes: int | None = None
    submitter: str = ""  # who brought it to a daily list
    withdrawn: bool = False
    families: tuple[str, ...] = ()  # families of the sources that brought it
    open: bool = False
    announced: Announcement = Announcement.ABSENT  # the strongest word of the pass that first saw it

    @property
    def arxiv_id(self) -> str | None:
        """The versionless arXiv id, for papers that have one."""
        return self.id.removeprefix("arxiv:") if self.id.startswith("arxiv:") else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """What a subscriber follows."""

    name: str
    about: str = ""  # the text that is ranked; empty: the name
    keywords: tuple[str, ...] = ()  # at least one must occur
    exclude: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()  # always shown
    categories: tuple[str, ...] = ()
    weight: float = 1.0
    liked: tuple[str, ...] = ()  # arXiv ids or DOIs, as typed
    disliked: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The words to rank by."""
        return self.about or self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """When issues are due: on `weekdays` (0 = Monday) or on `month_day`, at `at` in `zone`."""

    weekdays: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6)
    month_day: int | None = None
    at: time = time(7, 30)
    zone: str = "UTC"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscriber:
    """An address with topics and a schedule."""

    id: int
    email: str
    name: str = ""
    status: SubscriberStatus = SubscriberStatus.ACTIVE
    topics: tuple[Topic, ...] = ()
    schedule: Schedule = Schedule()
    max_papers: int = 10
    cut: float = 50.0
    trending: int = 0
    revisions: bool = False
    quiet_note: bool = False
    citations: str = ""  # "bibtex" or "ris": every issue brings its papers as a file of that kind
    sources: tuple[str, ...] = ()  # families; empty: all
    pause_until: datetime | None = None
    next_issue_at: datetime | None = None  # when it is looked at next: its due time, or the end of a wait
    waiting_since: datetime | None = None  # due time of an issue that waits for a late batch
    last_pass: int | None = None  # None: no issue yet
    token: str = ""  # random id of the unsubscribe link, never rotated


class Parts(NamedTuple):
    """The parts of a score, as log-odds: they add up to the score's own."""

    words: float
    meaning: float
    likes: float
    topic: float  # what the topic adds, whatever the paper
    author: float = 0.0


class Match(NamedTuple):
    """A paper and the topic that chose it."""

    paper_id: str
    topic: str
    score: float  # 0 to 100
    because: tuple[str, ...] = ()  # the words, phrases, authors or liked papers that earned it
    parts: Parts | None = None  # of the score, for `--explain`

    @property
    def percent(self) -> int:
        """The score as people read it, rounded down: 49.8 is not at a cut of 50."""
        return int(self.score)


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """One subscriber's frozen selection for one due time."""

    subscriber_id: int
    due_at: datetime
    from_pass: int  # the window: passes after from_pass, up to and with to_pass
    to_pass: int
    considered: int = 0
    matched: int = 0
    shown: tuple[Match, ...] = ()
    left_out: tuple[Match, ...] = ()  # best first, at most five are shown
    trending: tuple[str, ...] = ()  # paper ids beyond the topics
    revised: tuple[str, ...] = ()  # new versions of papers that were sent before
    note: str = ""  # why there is nothing, or what is missing
    id: int | None = None

    @property
    def is_empty(self) -> bool:
        """Nothing to mail."""
        return not (self.shown or self.trending or self.revised)


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Who writes the mails: the part of the settings that a message shows."""

    name: str
    sender: str  # From: "Name <address>"
    reply_to: str | None = None
    base_url: str | None = None  # None: no web links at all
    postal_address: str | None = None
    imprint_url: str | None = None
    unsubscribe_mailbox: str | None = None  # address of the mailto unsubscribe
    domain: str = "localhost"  # of Message-ID and List-Id
    template_folder: str | None = None  # operator's overrides of single templates


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One RFC 5322 mail, built once; `raw` is what goes over the wire."""

    message_id: str
    subject: str
    raw: bytes

    @property
    def text(self) -> str:
        """The text part, read out of the bytes."""
        return _part(self.raw, "plain")

    @property
    def html(self) -> str:
        """The HTML part, read out of the bytes; empty if there is none."""
        return _part(self.raw, "html")


def _part(raw: bytes, subtype: str) -> str:
    body = message_from_bytes(raw, EmailMessage, policy=policy.default).get_body((subtype,))
    return str(body.get_content()).replace("\r\n", "\n") if body else ""


class Delivery(NamedTuple):
    """The duty to bring one issue (or notice) to one address."""

    id: int
    kind: DeliveryKind
    email: str
    state: DeliveryState
    due_at: datetime
    created_at: datetime
    subscriber_id: int | None = None
    issue_id: int | None = None
    attempts: int = 0
    leased_until: datetime | None = None
    worker: str | None = None
    message_id: str | None = None
    body_hash: str | None = None  # SHA-256 of the bytes of the last attempt
    reply: str = ""
    settled_at: datetime | None = None
    resends: int = 0  # how often an uncertain end was answered by sending the same message again
    letter: str = ""  # which letter a confirmation or a notice is
    about: int | None = None  # the ask or the change of address that the letter is about


class Outcome(NamedTuple):
    """What one attempt came to: the verdict, the SMTP stage and the server's words."""

    verdict: Verdict
    stage: str  # render | address | file | connect | auth | mail | rcpt | data | dot
    code: int | None = None
    enhanced: str | None = None  # RFC 3463, e.g. "5.1.1"
    reply: str = ""
