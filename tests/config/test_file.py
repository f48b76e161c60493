"""subscribers.yaml is read whole or not at all, and each fault names its line and its remedy."""

from pathlib import Path

import pytest

from digest.config import Roster, read_roster
from digest.errors import ConfigError
from digest.models import SourceKind

SOURCES = "sources:\n  - arxiv: [cs.CL]\n"
ONE = SOURCES + "subscribers:\n  - email: a@b.org\n"


def read(tmp_path: Path, text: str) -> Roster:
    path = tmp_path / "subscribers.yaml"
    path.write_text(text, encoding="utf-8")
    return read_roster(path)


def fault(tmp_path: Path, text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text)
    return str(caught.value).replace(str(tmp_path) + "/", "")


def test_shipped_file_is_right() -> None:
    roster = read_roster(Path(__file__).parents[2] / "subscribers.yaml")
    assert [source.kind for source in roster.sources] == [SourceKind.EXAMPLE]
    assert roster.listed[0].subscriber.email == "ada@example.org"


def test_every_promised_key_is_read(tmp_path: Path) -> None:
    subscriber = read(tmp_path, PROMISED).listed[0].subscriber
    topic = subscriber.topics[1]
    assert subscriber.topics[0].text == "efficient inference of transformers on CPUs"
    assert (topic.keywords, topic.authors, topic.liked) == (
        ("source separation",),
        ("Shengkui Zhao",),
        ("2312.11825",),
    )
    assert (subscriber.max_papers, subscriber.cut, subscriber.trending) == (10, 50, 3)


def test_defaults_lie_under_each_subscriber(tmp_path: Path) -> None:
    text = (
        SOURCES
        + "defaults: {max_papers: 3}\nsubscribers:\n  - email: a@b.org\n  - {email: c@d.org, max_papers: 4}\n"
    )
    assert [entry.subscriber.max_papers for entry in read(tmp_path, text).listed] == [3, 4]


def test_arxiv_gives_one_source_a_category(tmp_path: Path) -> None:
    roster = read(
        tmp_path, "sources:\n  - arxiv: [cs.CL, astro-ph]\n    base_url: http://127.0.0.1:8900/rss/\n"
    )
    assert [source.url for source in roster.sources] == [
        "http://127.0.0.1:8900/rss/cs.CL",
        "http://127.0.0.1:8900/rss/astro-ph",
    ]


def test_hash_changes_with_the_entry_and_not_with_comments(tmp_path: Path) -> None:
    one = read(tmp_path, SOURCES + "subscribers:\n  - email: a@b.org\n    name: A\n").listed[0]
    same = read(tmp_path, SOURCES + "subscribers:\n  # hello\n  - name: A\n    email: a@b.org\n").listed[0]
    other = read(tmp_path, SOURCES + "subscribers:\n  - email: a@b.org\n    name: B\n").listed[0]
    assert one.file_hash == same.file_hash != other.file_hash


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "subscribers.yaml:1: is empty"),
        ("- a", "subscribers.yaml:1: is empty or no mapping"),
        ("sources: []", "subscribers.yaml:1: sources: is empty; list at least one"),
        ("sources: [a\nb: c", "subscribers.yaml:2: is no YAML"),
        ("sources:\n\t- arxiv: cs.CL", "subscribers.yaml:2: a tab indents this line"),
        (SOURCES + "sources: []", "subscribers.yaml:3: found duplicate key"),
        (
            "sources:\n  - arxiv: cs.CL\n    huggingface: daily",
            "subscribers.yaml:2: sources[0]: name exactly one",
        ),
        ("sources:\n  - arxiv: CS CL", '"CS CL" is not an arXiv category'),
        (
            "sources:\n  - arxiv: cs.CL\n  - arxiv: [cs.CL]",
            "subscribers.yaml:3: sources[1]: arxiv:cs.CL is listed twice",
        ),
        ("sources:\n  - feed: file:///etc/passwd", "is not an address that begins with https://"),
        ("sources:\n  - example: mars", 'there is no example "mars"'),
        (SOURCES + "subscribers:\n  - name: x", "subscribers.yaml:4: subscribers[0].email: is missing"),
        (SOURCES + "subscribers:\n  - email: a b@c.org", '"a b@c.org" is not an e-mail address'),
        (SOURCES + "subscribers:\n  - email: a@b.org\n    scedule: x", "did you mean `schedule`?"),
        (
            SOURCES + "subscribers:\n  - email: a@b.org\n    schedule: dayly",
            'subscribers.yaml:5: subscribers[0].schedule: "dayly" is not',
        ),
        (
            SOURCES + "subscribers:\n  - email: a@b.org\n    cut: 500",
            "subscribers[0].cut: must be 100 or less, not 500",
        ),
        (
            SOURCES + "subscribers:\n  - email: a@b.org\n    topics: [{name: x, liked: [2312.11825]}]",
            "2312.11825 is no text: write it between quotes, with every digit",
        ),
        (
            SOURCES + "subscribers:\n  - email: a@b.org\n    topics: ['  ']",
            "subscribers[0].topics[0].name: is empty",
        ),
        (
            SOURCES + "subscribers:\n  - email: a@b.org\n    sources: [arxvi]",
            '"arxvi" is no source of this file',
        ),
        (
            SOURCES + "subscribers:\n  - email: a@b.org\n  - email: A@B.org",
            "subscribers.yaml:5: A@b.org is listed a second time",
        ),
        (
            SOURCES + "defaults:\n  cut: x\nsubscribers:\n  - email: a@b.org",
            "subscribers.yaml:4: defaults.cut: must be",
        ),
        (SOURCES + "subscriber: []", "did you mean `subscribers`?"),
        (
            "sources:\n  - arxive: [cs.CL]",
            "yaml:2: sources[0].arxive: unknown key; did you mean `arxiv`",
        ),
        ("sources:\n  - arxiv", "sources[0]: must be a kind of source and what it names"),
        (
            ONE + "    pause_until: 2026-13-01",
            'yaml:5: subscribers[0].pause_until: must be a day such as 2026-05-01, not "2026-13-01"',
        ),
        (
            ONE + "schedule: daily",
            "schedule: unknown key here; it belongs in an entry of `subscribers`",
        ),
        (ONE + "    liked: [x]", "it belongs in an entry of `topics`"),
        (
            ONE + "    topics: [{name: x, cut: 3}]",
            "it belongs in an entry of `subscribers`, or in `defaults`",
        ),
        (ONE + f"    max_papers: {'9' * 5000}", "yaml:5: subscribers[0].max_papers: must be a whole number"),
        (ONE + "    pause_until: 20260501", "pause_until: must be a day such as 2026-05-01"),
        (ONE + "    sources: [arxiv, huggingfac]", "did you mean `huggingface`? the file has arxiv"),
        (ONE + "    sources: [nature]", '"nature" is no source of this file; the file has arxiv'),
        (ONE + "    max_papers: ten", 'subscribers[0].max_papers: must be a whole number, not "ten"'),
        (ONE + "    revisions: maybe", 'must be true or false, not "maybe"'),
        (ONE + "    citations: word", 'must be bibtex or ris, not "word"'),
        (
            ONE + "    topics: [x, {name: x, about: y}]",
            "two topics are called x; give one of them another name",
        ),
        (ONE + "    topics: [x, 42]", '42 is no text; put it in quotes: "42"'),
        (ONE + "    topics: [{name: x, liked: [foo]}]", '"foo" is neither an arXiv id nor a DOI'),
    ],
)
def test_fault_names_line_key_and_remedy(tmp_path: Path, text: str, sentence: str) -> None:
    assert sentence in fault(tmp_path, text)


def test_missing_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no such file"):
        read_roster(tmp_path / "subscribers.yaml")


def test_latin1_file_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "subscribers.yaml").write_bytes("sources: [é]".encode("latin-1"))
    with pytest.raises(ConfigError, match="is not UTF-8 text"):
        read_roster(tmp_path / "subscribers.yaml")


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    text = SOURCES + "subscribers:\n  - email: a@b.org\n    cut: 500\n  - email: b\n"
    assert len(fault(tmp_path, text).splitlines()) == 2


PROMISED = (
    SOURCES
    + """
  - huggingface: daily
subscribers:
  - email: ada@example.org
    name: Ada
    topics:
      - efficient inference of transformers on CPUs
      - name: Speech separation
        about: monaural speech separation with transformers or recurrent networks
        keywords: [source separation]     # at least one must occur
        exclude: [music]
        authors: ["Shengkui Zhao"]        # always shown
        categories: [eess.AS]
        weight: 1.5
        liked: ["2312.11825"]
        disliked: []
    schedule: daily at 07:30 Europe/Berlin
    max_papers: 10
    cut: 50
    trending: 3
    revisions: false
    quiet_note: false
    sources: [arxiv, huggingface]
    pause_until: null
"""
)
