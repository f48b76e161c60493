"""Weeks that nobody recorded: the recorded ones shuffled, cut, delayed and changed, counted by the oracle."""

import random
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from digest.models import SourceState
from digest.storage.database import Database
from digest.storage.papers import by_ids

from . import oracle, week
from .origin import Origin, Page
from .test_replay import revised

ITEMS = re.compile(rb"<item>.*?</item>\s*", re.DOTALL)
Week = dict[str, dict[str, bytes]]


def shuffled(recorded: Week, chance: random.Random) -> Week:
    """The items of every feed in another order."""

    def mix(body: bytes) -> bytes:
        found = ITEMS.findall(body)
        chance.shuffle(found)
        return _with(body, found)

    return _each(recorded, mix)


def thinned(recorded: Week, chance: random.Random) -> Week:
    """A third of the items missing, another third every day."""
    return _each(
        recorded, lambda body: _with(body, [one for one in ITEMS.findall(body) if chance.random() > 0.33])
    )


def raised(recorded: Week, chance: random.Random) -> Week:
    """Some versions higher, on any day."""

    def lift(body: bytes) -> bytes:
        higher = [
            one if chance.random() > 0.2 else _lifted(one, chance.randint(2, 9))
            for one in ITEMS.findall(body)
        ]
        return _with(body, higher)

    return _each(recorded, lift)


def retold(recorded: Week, chance: random.Random) -> Week:
    """Other announcement types: new becomes cross, replace becomes new, as another category would tell it."""
    words = [b"new", b"cross", b"replace", b"replace-cross"]

    def tell(body: bytes) -> bytes:
        return _with(body, [_retyped(one, chance.choice(words)) for one in ITEMS.findall(body)])

    return _each(recorded, tell)


def delayed(recorded: Week, chance: random.Random) -> Week:
    """Every batch a day late; the first day empty."""
    days = sorted(recorded)
    empty = {name: _with(body, []) for name, body in recorded[days[0]].items()}
    late = [empty, *(recorded[day] for day in days[:-1])]
    return {day: _dated(feeds, day) for day, feeds in zip(days, late, strict=True)}


def repeated(recorded: Week, chance: random.Random) -> Week:
    """The second day serves the first one's batch under its own date."""
    days = sorted(recorded)
    return {**recorded, days[1]: _dated(recorded[days[0]], days[1])}


@pytest.mark.parametrize("mutate", [shuffled, thinned, raised, retold, delayed, repeated])
@pytest.mark.parametrize("seed", [1, 2])
async def test_a_mutated_week_is_counted_as_its_raw_text_says(
    sqlite: Database, origin: Origin, shared: Path | None, mutate: Callable[..., Week], seed: int
) -> None:
    whole = week.load(week.SMALL) if seed == 1 or shared is None else week.load(shared / "feeds" / "replay")
    days, names = sorted(whole)[:4], ["cs.AI", "cs.CL"] if seed == 1 else ["cs.CL"]
    recorded = mutate({day: {name: whole[day][name] for name in names} for day in days}, random.Random(seed))
    expected, versions = oracle.count(recorded)
    sources = week.sources(origin, names, huggingface=False)
    for day, feeds in recorded.items():
        week.publish(origin, day, feeds)
        report = await week.run(sqlite, sources, day)
        assert sum(one.new for one in report.sources) == expected[day].first_seen
        assert await revised(sqlite, report.number) == expected[day].higher_version
        stale = [one.name.removeprefix("arxiv:") for one in report.sources if one.state is SourceState.STALE]
        assert stale == sorted(expected[day].stale, key=names.index)
    async with sqlite.read() as conn:
        stored = await by_ids(conn, versions)
    assert {key: paper.version for key, paper in stored.items()} == versions
    texts = {
        (one.id, one.version, one.title, one.abstract) for feeds in recorded.values() for one in _all(feeds)
    }
    assert {(key, paper.version, paper.title, paper.abstract) for key, paper in stored.items()} <= texts


@pytest.mark.parametrize("seed", range(3))
async def test_a_week_of_cut_answers_ends_like_a_whole_one(
    sqlite: Database, origin: Origin, seed: int
) -> None:
    """Each day is cut somewhere first and whole an hour later; nothing is lost and nothing comes twice."""
    chance = random.Random(seed)
    recorded = week.arxiv_alone(week.load(week.SMALL))
    _, versions = oracle.count(recorded)
    sources = week.sources(origin, ["cs.AI", "cs.CL"], huggingface=False)
    total = 0
    for day, feeds in recorded.items():
        for name, body in feeds.items():
            origin.pages[f"/atom/{name}"] = Page(body[: chance.randint(1, len(body) - 1)])
        first = await week.run(sqlite, sources, day, hour=12)
        week.publish(origin, day, feeds)
        second = await week.run(sqlite, sources, day, hour=13)
        total += sum(one.new for one in (*first.sources, *second.sources))
        assert [one.error for one in second.sources] == [None, None]
    async with sqlite.read() as conn:
        assert (await by_ids(conn, versions)).keys() == versions.keys()
    assert total == len(versions)


def _each(recorded: Week, change: Callable[[bytes], bytes]) -> Week:
    return {day: {name: change(body) for name, body in feeds.items()} for day, feeds in recorded.items()}


def _with(body: bytes, items: list[bytes]) -> bytes:
    head, _, rest = body.partition(b"<item>")
    return head + b"".join(items) + (body[body.rfind(b"</item>") + 7 :] if rest else b"")


def _lifted(item: bytes, version: int) -> bytes:
    return re.sub(rb"(oai:arXiv\.org:[^v<]+|arXiv:[\d.]+)v\d+", rb"\g<1>v%d" % version, item)


def _retyped(item: bytes, word: bytes) -> bytes:
    item = re.sub(rb"(Announce Type: )[\w-]+", rb"\g<1>" + word, item)
    return re.sub(rb"(<arxiv:announce_type>)[\w-]+", rb"\g<1>" + word, item)


def _dated(feeds: dict[str, bytes], day: str) -> dict[str, bytes]:
    stamp = f"<pubDate>{day}T00:00:00-04:00</pubDate>".encode()
    return {name: re.sub(rb"<pubDate>[^<]*</pubDate>", stamp, body) for name, body in feeds.items()}


def _all(feeds: dict[str, bytes]) -> list[oracle.Item]:
    return [one for body in feeds.values() for one in oracle.items(body)]
