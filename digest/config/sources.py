"""One item of `sources:` -> the sources it stands for, each with its address. Pure."""

import re
from collections.abc import Callable
from urllib.parse import quote, urlsplit

from digest.config.shapes import SourceShape
from digest.models import Source, SourceKind

ARXIV = "https://rss.arxiv.org/atom"
HUGGINGFACE = "https://huggingface.co/api/daily_papers"
PREPRINTS = "https://connect.{server}.org/{server}_xml.php?subject={subject}"

#: An arXiv archive or category: math, cs.CL, cond-mat.mtrl-sci, astro-ph.
_CATEGORY = re.compile(r"[a-z]+(-[a-z]+)*(\.[A-Za-z]+(-[A-Za-z]+)*)?")
_SUBJECT = re.compile(r"[a-z]+([_-][a-z]+)*")
_KINDS = [kind.value for kind in SourceKind]


def to_sources(shape: SourceShape) -> tuple[Source, ...]:
    """The sources of one item. Raises ValueError with a sentence that says what to write."""
    named = [kind for kind in SourceKind if getattr(shape, kind.value) is not None]
    if len(named) != 1:
        raise ValueError(f"name exactly one kind of source: {', '.join(_KINDS)}")
    kind = named[0]
    for key, kinds in (("name", {SourceKind.FEED}), ("backfill_url", {SourceKind.ARXIV})):
        if getattr(shape, key) and kind not in kinds:
            raise ValueError(f"`{key}` does not belong to `{kind}`; remove it")
    return _BUILDERS[kind](shape)


def _arxiv(shape: SourceShape) -> tuple[Source, ...]:
    base = _address(shape.base_url or ARXIV).rstrip("/")
    backfill = _address(shape.backfill_url) if shape.backfill_url else None
    return tuple(
        Source(
            name=f"arxiv:{category}",
            family="arxiv",
            kind=SourceKind.ARXIV,
            url=f"{base}/{category}",
            backfill_url=backfill,
            open=True,
        )
        for category in _all(shape.arxiv or (), _CATEGORY, "an arXiv category such as cs.CL")
    )


def _huggingface(shape: SourceShape) -> tuple[Source, ...]:
    if shape.huggingface != "daily":
        raise ValueError(f'"{shape.huggingface}" is no list of Hugging Face; write `huggingface: daily`')
    url = _address(shape.base_url or HUGGINGFACE)
    return (
        Source(name="huggingface", family="huggingface", kind=SourceKind.HUGGINGFACE, url=url, open=True),
    )


def _preprints(kind: SourceKind) -> Callable[[SourceShape], tuple[Source, ...]]:
    def build(shape: SourceShape) -> tuple[Source, ...]:
        base = _address(shape.base_url).rstrip("/") if shape.base_url else None
        return tuple(
            Source(
                name=f"{kind}:{subject}",
                family=kind.value,
                kind=kind,
                url=f"{base}/{subject}" if base else PREPRINTS.format(server=kind, subject=quote(subject)),
                open=True,
            )
            for subject in _all(getattr(shape, kind.value), _SUBJECT, "a subject such as neuroscience")
        )

    return build


def _feed(shape: SourceShape) -> tuple[Source, ...]:
    url = _address(shape.feed or "")
    name = shape.name or urlsplit(url).hostname or url
    if name in _KINDS:
        raise ValueError(f'"{name}" is a kind of source; give the feed another name')
    return (Source(name=name, family=name, kind=SourceKind.FEED, url=url),)


def _example(shape: SourceShape) -> tuple[Source, ...]:
    if shape.example != "arxiv":
        raise ValueError(f'there is no example "{shape.example}"; write `example: arxiv`')
    return (Source(name="example:arxiv", family="arxiv", kind=SourceKind.EXAMPLE, url="arxiv", open=True),)


_BUILDERS: dict[SourceKind, Callable[[SourceShape], tuple[Source, ...]]] = {
    SourceKind.ARXIV: _arxiv,
    SourceKind.HUGGINGFACE: _huggingface,
    SourceKind.BIORXIV: _preprints(SourceKind.BIORXIV),
    SourceKind.MEDRXIV: _preprints(SourceKind.MEDRXIV),
    SourceKind.FEED: _feed,
    SourceKind.EXAMPLE: _example,
}


def _all(words: tuple[str, ...], form: re.Pattern[str], what: str) -> tuple[str, ...]:
    if not words:
        raise ValueError(f"the list is empty; name {what}")
    for word in words:
        if not form.fullmatch(word):
            raise ValueError(f'"{word}" is not {what}')
    return tuple(dict.fromkeys(words))


def _address(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f'"{url}" is not an address that begins with https:// or http://')
    return url
