"""Messages a second, from frozen issues to bytes: cards joined, beside a template a subscriber.

    python -m tests.benchmarks.compose [--subscribers 1000] [--plain 60] [--rounds 3]

Subscribers follow one to three of 200 topics (Zipf-shared, as interests are), 15 papers each of the
recorded day in the package, with marked words and personal vote links. Each round makes `--plain` messages
the plain way (tests/compose/naive.py: templates, css-inline and EmailMessage for each, nothing kept), then
all of them with one `Composer` twice: the difference is what the cards cost once a pass. CPU time of this
process; medians over the rounds. Every message is read back by the standard library afterwards.
"""

import argparse
import random
import statistics
import time
from collections import deque
from collections.abc import Iterator, Sequence
from email import message_from_bytes, policy

from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from digest.compose.message import Composer
from digest.compose.select import select
from digest.deliver.sign import Key, sign
from digest.links import Links
from digest.match import build_index, rank
from digest.models import Issue, Paper, Subscriber, Topic
from tests.compose.naive import Naive
from tests.make import NOW, make_site, make_subscriber, recorded_papers

SITE, LINKS = make_site(), Links("https://papers.dev", ("key",))
PAPERS_EACH = 15

Work = Sequence[tuple[Issue, Subscriber]]


def main() -> None:
    """Run and print one table."""
    wanted = _arguments()
    papers = recorded_papers()
    known = {paper.id: paper for paper in papers}
    work = frozen(papers, wanted.subscribers)
    rounds = [_round(work, known, wanted.plain) for _ in range(wanted.rounds)]
    plain, cards, fast = (statistics.median(figures) for figures in zip(*rounds, strict=True))
    raws = list(_messages(Composer(SITE, LINKS), work, known))
    _report(plain, cards, fast, raws)
    _read_back(raws, work, known)


def _round(work: Work, known: dict[str, Paper], few: int) -> tuple[float, float, float]:
    """Seconds of CPU: of one plain message, of all cards, of one joined message."""
    naive, composer = Naive(SITE, LINKS), Composer(SITE, LINKS)
    plain = _time(
        naive.message(issue, reader, known, f"<{issue.id}@papers.dev>") for issue, reader in work[:few]
    )
    first = _time(_messages(composer, work, known))  # renders the cards on the way
    again = _time(_messages(composer, work, known))
    return plain / few, first - again, again / len(work)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--subscribers", type=int, default=1000)
    parser.add_argument("--plain", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args()


def frozen(papers: Sequence[Paper], count: int, most: int = PAPERS_EACH) -> Work:
    """As many subscribers with an issue of `most` papers each; few topics are popular."""
    dice = random.Random(7)
    topics = [Topic(name=" ".join(paper.title.split()[:7])) for paper in dice.sample(list(papers), 200)]
    ranked = dict(zip(topics, rank(build_index(papers), topics, limit=100), strict=True))
    weights = [1 / place for place in range(1, len(topics) + 1)]
    work = []
    for number in range(1, count + 1):
        chosen = tuple(dict.fromkeys(dice.choices(topics, weights, k=dice.randint(1, 3))))
        found = select([(topic, ranked[topic]) for topic in chosen], max_papers=most)
        issue = Issue(
            id=number, subscriber_id=number, due_at=NOW, from_pass=0, to_pass=1, considered=len(papers),
            matched=found.matched, shown=found.shown, left_out=found.left_out[:5],
        )  # fmt: skip
        work.append((issue, make_subscriber(number, topics=chosen, max_papers=most)))
    return work


def _messages(composer: Composer, work: Work, known: dict[str, Paper]) -> Iterator[bytes]:
    for issue, reader in work:
        yield composer.message(
            issue, reader, known, message_id=f"<{issue.id}@papers.dev>", created_at=NOW
        ).raw


def _time(messages: Iterator[bytes]) -> float:
    started = time.process_time()
    deque(messages, maxlen=0)
    return time.process_time() - started


def _report(plain: float, cards: float, fast: float, raws: Sequence[bytes]) -> None:
    pairs = [Key("papers.dev", "rsa", rsa.generate_private_key(65537, 2048))]
    pairs += [Key("papers.dev", "ed", ed25519.Ed25519PrivateKey.generate())]
    print(f"{len(raws)} messages of {statistics.mean(map(len, raws)) / 1000:.0f} kB, CPU of one core")
    print(f"  plain way         {plain * 1e6:8.0f} µs   {1 / plain:7.0f} messages/s")
    print(f"  all cards         {cards:8.2f} s    once a pass")
    print(f"  cards joined      {fast * 1e6:8.0f} µs   {1 / fast:7.0f} messages/s   {plain / fast:.0f} times")
    for count in (len(raws), 10 * len(raws), 100 * len(raws)):
        each = fast + cards / count
        print(f"  and cards, {count} subscribers: {each * 1e6:.0f} µs each, {plain / each:.0f} times")
    for name, key in zip(("DKIM, RSA 2048", "DKIM, Ed25519"), pairs, strict=True):
        spent = _time(sign(raw, [key]) for raw in raws[:200]) / len(raws[:200])
        print(f"  {name:17} {spent * 1e6:8.0f} µs   {spent / (spent + fast):7.0%} of composing and signing")


def _read_back(
    raws: Sequence[bytes], work: Sequence[tuple[Issue, Subscriber]], known: dict[str, Paper]
) -> None:
    """The standard library finds two parts, every paper's address and the reader's own links in each."""
    for raw, (issue, reader) in zip(raws, work, strict=True):
        parsed = message_from_bytes(raw, policy=policy.default)
        parts = [part.get_content() for part in parsed.iter_parts()]
        assert len(parts) == 2
        assert not parsed.defects
        token = LINKS.reader(reader.id, issue.id or 0)
        assert all(known[match.paper_id].url in part for match in issue.shown for part in parts)
        assert all(token in part for part in parts)
    print(f"  read back by the standard library: {len(raws)} messages, two parts, every paper, own links")


if __name__ == "__main__":
    main()
