"""The shapes of subscribers.yaml, checked by pydantic: which keys there are and what they may hold."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any, Literal, Protocol, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StrictStr

from digest.config.addresses import normalise_address
from digest.identifiers import key
from digest.models import Schedule
from digest.schedule import parse_schedule


def _single_line(text: str) -> str:
    cleaned = " ".join(text.split())
    if not cleaned:
        raise ValueError("is empty; write a few words")
    return cleaned


def _read_schedule(value: object) -> Schedule:
    if isinstance(value, Schedule):
        return value
    if not isinstance(value, str):
        raise ValueError("must be a text such as weekdays at 07:30 Europe/Berlin")
    return parse_schedule(value)


def _one_or_many(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _topic_of_text(value: object) -> object:
    return {"name": value} if isinstance(value, str | int | float | date) else value


def _none_is_empty(value: object) -> object:
    return [] if value is None else value


def identifier(text: str) -> str:
    """An id of a paper as typed. Raises ValueError for what is none."""
    if key(text) is None:
        raise ValueError(f'"{text}" is neither an arXiv id nor a DOI; write for example "2312.11825"')
    return text


def _day(value: object) -> object:
    """Only what looks like a day: a number would be taken for seconds since 1970."""
    if value is None or isinstance(value, str | date):
        return value
    raise ValueError("must be a day such as 2026-05-01")


Text = Annotated[StrictStr, AfterValidator(_single_line)]
Texts = Annotated[tuple[Text, ...], BeforeValidator(_one_or_many)]
Papers = Annotated[tuple[Annotated[Text, AfterValidator(identifier)], ...], BeforeValidator(_one_or_many)]
Address = Annotated[StrictStr, AfterValidator(normalise_address)]
Times = Annotated[Schedule, BeforeValidator(_read_schedule)]


class Shape(BaseModel):
    """A mapping of the file: an unknown key is a fault, not a wish."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class SourceShape(Shape):
    """One item of `sources`: exactly one kind, and what belongs to it."""

    example: Text | None = None
    arxiv: Texts | None = None
    huggingface: Text | None = None
    biorxiv: Texts | None = None
    medrxiv: Texts | None = None
    feed: Text | None = None
    name: Text | None = None
    base_url: Text | None = None
    backfill_url: Text | None = None


class TopicShape(Shape):
    """One item of `topics`: a text alone is its name."""

    name: Text
    about: Annotated[StrictStr, AfterValidator(_single_line)] | None = None
    keywords: Texts = ()
    exclude: Texts = ()
    authors: Texts = ()
    categories: Texts = ()
    weight: Annotated[float, Field(gt=0, le=100)] = 1.0
    liked: Papers = ()
    disliked: Papers = ()

    def model_dump(self, **options: Any) -> dict[str, Any]:
        """As the fields of a Topic."""
        return {**super().model_dump(**options), "about": self.about or ""}


class Named(Protocol):
    """A topic, of the file or of a page."""

    @property
    def name(self) -> str:
        """How its reader calls it."""


Topics = TypeVar("Topics", bound=Sequence[Named])


def named_apart(topics: Topics) -> Topics:
    """The topics, if no two share a name: what a mail says of one it says by its name. Raises ValueError."""
    names = [topic.name for topic in topics]
    if double := next((name for name in names if names.count(name) > 1), None):
        raise ValueError(f"two topics are called {double}; give one of them another name")
    return topics


class SubscriberShape(Shape):
    """One item of `subscribers`, the file's `defaults` already underneath."""

    email: Address
    name: Annotated[StrictStr, AfterValidator(lambda text: " ".join(text.split()))] = ""
    topics: Annotated[
        tuple[Annotated[TopicShape, BeforeValidator(_topic_of_text)], ...],
        BeforeValidator(_none_is_empty),
        AfterValidator(named_apart),
    ] = ()
    schedule: Times = Schedule()
    max_papers: Annotated[int, Field(ge=1, le=200)] = 10
    cut: Annotated[float, Field(ge=0, le=100)] = 50.0
    trending: Annotated[int, Field(ge=0, le=50)] = 0
    revisions: bool = False
    quiet_note: bool = False
    citations: Literal["", "bibtex", "ris"] = ""
    sources: Texts = ()
    pause_until: Annotated[date | None, BeforeValidator(_day)] = None


class FileShape(Shape):
    """The whole file."""

    sources: Annotated[tuple[SourceShape, ...], BeforeValidator(_none_is_empty), Field(min_length=1)]
    defaults: dict[str, Any] = {}
    subscribers: Annotated[tuple[SubscriberShape, ...], BeforeValidator(_none_is_empty)] = ()


class ExportShape(FileShape):
    """A file that may hold subscribers alone, as `digest subscribers export` writes it."""

    sources: Annotated[tuple[SourceShape, ...], BeforeValidator(_none_is_empty)] = ()
