"""The golden mails: ten cases, kept as files in tests/data/golden and reviewed by eye.

After a wanted change: `python -m tests.compose.golden` writes them anew; look at them before committing.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from digest.compose.letters import CONFIRMATION, Letters
from digest.compose.message import Composer
from digest.compose.select import select
from digest.links import Links
from digest.match import build_index, rank
from digest.models import Issue, Message, Paper, Schedule, Subscriber
from tests.compose.test_hostile import HOSTILE
from tests.make import (
    NOW,
    make_issue,
    make_match,
    make_paper,
    make_papers,
    make_site,
    make_subscriber,
    make_topic,
    recorded_papers,
)

FOLDER = Path(__file__).parents[1] / "data" / "golden"

SITE = make_site(
    reply_to="desk@papers.dev",
    postal_address="Pappelallee 1, 10437 Berlin",
    imprint_url="https://papers.dev/imprint",
)
LINKS = Links("https://papers.dev", ("golden",))
COMPOSER = Composer(SITE, LINKS)

ABSTRACT = (
    "Large language models need a lot of memory. We show that 4 bits a weight are enough, on 12 tasks and "
    "3 families of models. The code is at https://github.com/example/four-bits. " * 3
)
MATHEMATICS = [
    (
        r"An $O(n\log n)$ bound for $\ell_2$-regularised $\mathbb{R}^{n\times n}$",
        r"We prove $x_{i+1} \leq \frac{1}{2}x_i^2$.",
    ),
    (
        r"Poincar\'e inequalities on $\mathcal{M}$",
        r"If $p<q$ then $\|f\|_p \le C\|f\|_q$, at a cost of $5 and 10$.",
    ),
    (
        r"$\begin{matrix} a & b \end{matrix}$ stays as typed",
        r"So does $\unheardof{x}$; $\hat{\theta}_t$ does not.",
    ),
]
WRITTEN = [
    ("דרך חדשה להבין שפה טבעית", "אנו מציגים שיטה חדשה להבנת language models בעברית."),
    ("طريقة جديدة لفهم اللغة", "نقدم طريقة جديدة لفهم language models."),
    ("大语言模型的推理能力评测", "本文评测 language models 在四十种任务上的推理能力。" * 12),
    ("Понимание языка", "Мы показываем, что модели понимают русский язык."),
]


def cases() -> dict[str, Message]:
    """Every golden mail by name."""
    return {
        "quiet": _issue(make_issue(note="512 new papers, best score 43, your cut is 50.")),
        "one-paper": _issue(make_issue(1), _paper(1)),
        "fifty-papers": _issue(
            make_issue(*range(50)), *(_paper(n, abstract=ABSTRACT * 2) for n in range(50))
        ),
        "hostile-titles": _issue(
            make_issue(*range(len(HOSTILE))),
            *(
                _paper(n, title=text[:3000], authors=(text[:300],), abstract=text[:9000])
                for n, text in enumerate(HOSTILE)
            ),
        ),
        "right-to-left": _written(WRITTEN),
        "mathematics": _written(MATHEMATICS),
        "no-abstracts": _issue(
            make_issue(1, 2, 3),
            make_paper(1, abstract="", authors=()),
            make_paper(2, abstract="", url="", categories=()),
            make_paper(3, abstract="", venue="Nature", doi="10.1038/x"),
        ),
        "weekly": _issue(
            make_issue(1, 2, 3, left_out=(make_match(4), make_match(5)), trending=("arxiv:2604.00006",)),
            *map(_paper, range(1, 7)),
            reader=_reader(schedule=Schedule(weekdays=(4,), zone="Europe/Berlin"), citations="bibtex"),
        ),
        "revision-lines": _issue(
            make_issue(1, revised=("arxiv:2604.00002", "arxiv:2604.00003")),
            _paper(1),
            _paper(2, version=3),
            _paper(3, version=2),
        ),
        "confirmation": Letters(SITE).letter(
            CONFIRMATION,
            "ada@bücher.example",
            LINKS.confirm(7, NOW) or "",
            message_id="<c7.golden@papers.dev>",
            created_at=NOW,
        ),
    }


def recorded() -> Message:
    """The digest of the recorded arXiv day (CC0): real papers, for looking at."""
    papers = recorded_papers()
    topics = (
        make_topic("Language models", about="calibration of large language models and their uncertainty"),
        make_topic("Optimisation", about="convergence rates of stochastic gradient descent"),
        make_topic("Medical images", about="segmentation of medical images"),
    )
    ranked = list(zip(topics, rank(build_index(papers), topics, cut=50), strict=True))
    found = select(ranked, max_papers=8)
    hot = sorted(papers, key=lambda paper: -(paper.votes or 0))
    issue = make_issue(
        considered=len(papers),
        matched=found.matched,
        shown=found.shown,
        left_out=found.left_out,
        trending=tuple(paper.id for paper in hot[:3]),
    )
    return _issue(issue, *papers, reader=make_subscriber(7, name="Ada Löwe", topics=topics))


def _reader(**fields: object) -> Subscriber:
    topics = (make_topic("language models", authors=("Shengkui Zhao",)), make_topic("speech separation"))
    return make_subscriber(7, name="Ada Löwe", topics=topics, **fields)


_paper = partial(
    make_paper,
    abstract=ABSTRACT,
    authors=(*(f"Author Number {number}" for number in range(1, 17)), "Shengkui Zhao"),
    votes=42,
)


def _written(texts: Sequence[tuple[str, str]]) -> Message:
    papers = [make_paper(n, title=title, abstract=abstract) for n, (title, abstract) in enumerate(texts)]
    found = tuple(make_match(n, because=("language models",)) for n in range(len(texts)))
    return _issue(make_issue(shown=found), *papers)


def _issue(issue: Issue, *papers: Paper, reader: Subscriber | None = None) -> Message:
    return COMPOSER.message(
        issue, reader or _reader(), make_papers(*papers), message_id="<7.golden@papers.dev>", created_at=NOW
    )


def write() -> None:
    """Write the files anew, with the page of each beside it for looking at."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, message in cases().items():
        (FOLDER / f"{name}.eml").write_bytes(message.raw)


if __name__ == "__main__":
    write()
