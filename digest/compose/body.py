"""What stands between head and foot: topics as sections, then the lists. Decides what is too much."""

from collections.abc import Mapping, Sequence
from itertools import chain

from digest.compose import wording
from digest.compose.blocks import Block, Blocks, size
from digest.compose.cards import folded
from digest.models import Issue, Match, Paper, Subscriber

#: Papers that matched beyond the most a mail shows, and papers at most in another list.
LEFT_OUT, LINES = 5, 10

#: Octets for the words that tell how many papers are not even named.
NOTE_ROOM = 100

MORE, MORE_NOTE = "Also for you", "This mail was full: these papers stand here by name."


def body(
    blocks: Blocks,
    issue: Issue,
    subscriber: Subscriber,
    papers: Mapping[str, Paper],
    *,
    budget: int,
    online: str | None,
) -> list[Block]:
    """The blocks of an issue, at most `budget` octets: papers that are too much become lines.

    `online` is the address of the page that shows them whole.
    """
    shown = [match for match in issue.shown if match.paper_id in papers]
    sections = {topic: blocks.section(topic) for topic in dict.fromkeys([match.topic for match in shown])}
    cards = _cards(blocks, shown, subscriber, papers)
    tail = _tail(blocks, issue, papers, budget // 3)
    room = budget - size([*tail, *sections.values()])
    full, more = len(cards), []
    if size(cards) > room:
        over = blocks.section(MORE, MORE_NOTE, online)
        lines = [blocks.line(papers[match.paper_id], "") for match in shown]
        full, named = fit(cards, lines, room - over.size - NOTE_ROOM)
        if named < len(shown):
            over = blocks.section(MORE, f"{MORE_NOTE} {len(shown) - named} more did not fit.", online)
        more = [over, *lines[full:named]]
    in_full = {match.topic: [sections[match.topic]] for match in shown[:full]}
    for match, card in zip(shown, cards[:full], strict=False):
        in_full[match.topic].append(card)
    return [*chain.from_iterable(in_full.values()), *more, *tail]


def fit(cards: Sequence[Block], lines: Sequence[Block], room: int) -> tuple[int, int]:
    """How many papers stand in full, and up to which one the rest is named, within `room` octets."""
    full, used = len(cards), size(cards)
    while full and used > room:
        full -= 1
        used += lines[full].size - cards[full].size
    named = len(lines)
    while named > full and used > room:
        named -= 1
        used -= lines[named].size
    return full, named


def _cards(
    blocks: Blocks, shown: Sequence[Match], subscriber: Subscriber, papers: Mapping[str, Paper]
) -> list[Block]:
    followed = frozenset(folded(name) for topic in subscriber.topics for name in topic.authors)
    return [blocks.card(papers[match.paper_id], match.percent, match.because, followed) for match in shown]


def _tail(blocks: Blocks, issue: Issue, papers: Mapping[str, Paper], room: int) -> list[Block]:
    """More that matched, trending, new versions: each a heading and the lines that fit, or nothing."""
    left_out = [(match.paper_id, f"score {match.percent}") for match in issue.left_out[:LEFT_OUT]]
    trending = [(paper_id, wording.votes(papers.get(paper_id))) for paper_id in issue.trending]
    revised = [(paper_id, wording.version(papers.get(paper_id))) for paper_id in issue.revised]
    notes = (wording.matched(issue), "", "")
    tail: list[Block] = []
    for heading, about, items in zip(wording.LISTS, notes, (left_out, trending, revised), strict=True):
        known = [(papers[paper_id], note) for paper_id, note in items[:LINES] if paper_id in papers]
        if known:
            made = [blocks.section(heading, about), *(blocks.line(paper, note) for paper, note in known)]
            while len(made) > 1 and size([*tail, *made]) > room:
                made.pop()
            tail += made if len(made) > 1 else []
    return tail
