import numpy as np
import pytest

from digest.match import build_index, losses, rank, unheard
from digest.match.rules import holds, judge
from digest.models import Match, Paper, Topic
from tests.make import make_paper, make_topic


@pytest.mark.parametrize(
    ("keyword", "text"),
    [
        ("RAG", "We study RAG."),
        ("rag", "(RAGs) for all"),
        ("diffusion model", "Latent Diffusion-Models work"),
        ("source separation", "source\nseparation"),
        ("studies", "a study of birds"),
        ("C++", "written in C++."),
        ("O(n)", "needs O(n) time"),
        ("O(n)", r"needs $\mathcal{O}(n)$ time"),
        ("Schrödinger", "the Schrodinger bridge"),
        ("schrodinger bridge", 'the Schr\\"odinger bridge'),
        ("机器学习", "基于机器学习的方法"),
        ("GPT-4", "We ask GPT-4."),
        ("losses", "a loss"),
        ("viruses", "a virus"),
        ("analyses", "one analysis"),
        ("analysis", "two analyses"),
        ("matrix", "sparse matrices"),
        ("indices", "an index"),
        ("devices", "a device"),
        ("metric", "two metrics"),
        ("cases", "a case"),
        ("movies", "a movie"),
        ("bias", "biases"),
        ("LM", "two LMs"),
        ("RAG", "基于RAG的方法"),
        ("Copilot", "Copilot™ writes"),
    ],
)
def test_keyword_is_found(keyword: str, text: str) -> None:
    assert holds(text, keyword)


@pytest.mark.parametrize(
    ("keyword", "text"),
    [
        ("RAG", "storage and fragments"),
        ("C", "C++ and C#"),
        ("O(n)", "O(n log n)"),
        ("AIDS", "machine aid"),
        ("news", "a new model"),
        ("new", "news"),
        ("lens", "len"),
        ("dynamics", "dynamic programming"),
        ("robotic", "robotics"),
        ("source separation", "the source of a separation"),
        ("GPT-4", "We ask GPT-40."),
        ("", "anything"),
        ("-", "anything - at all"),
        ("a.c", "abc"),
    ],
)
def test_keyword_is_not_found(keyword: str, text: str) -> None:
    assert not holds(text, keyword)


@pytest.mark.parametrize(
    "keyword", ["learning", "Learnings", "LEARNING", "learning:", "mosts", "ORs", "(rate)", "rate"]
)
def test_a_keyword_is_found_through_the_index_where_reading_finds_it(keyword: str) -> None:
    titles = [
        "learning_rate",
        "E-learning: rates",
        "Élearning",
        r"\emph{learning} rate",
        "Naïve learnings",
        "most ORs",
    ]
    papers = [
        make_paper(n, title=title, abstract="(rate) of learning:" * (n % 2)) for n, title in enumerate(titles)
    ]
    held = {n for n, paper in enumerate(papers) if holds(f"{paper.title}\n{paper.abstract}", keyword)}
    ruling = judge(build_index(papers), make_topic("rate", keywords=(keyword,)))
    assert set(np.flatnonzero(~ruling.barred).tolist()) == held
    assert 0 < len(held) < len(papers)


def rank_one(papers: list[Paper], topic: Topic, **options: float) -> list[Match]:
    return rank(build_index(papers), [topic], **options)[0]


def test_one_keyword_must_occur() -> None:
    papers = [make_paper(1, title="Speech and RAG"), make_paper(2, title="Speech and storage")]
    matches = rank_one(papers, make_topic("speech", keywords=("RAG", "vector search")))
    assert [(match.paper_id, match.because) for match in matches] == [(papers[0].id, ("RAG", "Speech"))]


def test_no_keyword_goes_from_the_title_into_the_abstract() -> None:
    papers = [make_paper(1, title="On language", abstract="Models of birds")]
    assert rank_one(papers, make_topic("birds", keywords=("language models",))) == []
    assert rank_one(papers, make_topic("birds", exclude=("language models",)))


def test_topic_without_words_is_ranked_by_its_keywords() -> None:
    papers = [make_paper(1, title="Speech for all"), make_paper(2)]
    assert [match.paper_id for match in rank_one(papers, make_topic("IT", keywords=("speech",)))] == [
        papers[0].id
    ]


def test_excluded_words_keep_a_paper_out() -> None:
    papers = [make_paper(1, title="Speech and music"), make_paper(2, title="Speech and talk")]
    matches = rank_one(papers, make_topic("speech", exclude=("Music",)))
    assert [match.paper_id for match in matches] == [papers[1].id]


def test_authors_are_always_shown() -> None:
    papers = [make_paper(1, authors=("S. Zhao",), title="Music"), make_paper(2, title="Speech")]
    topic = make_topic("speech", authors=("Shengkui Zhao",), exclude=("music",), keywords=("talk",))
    matches = rank_one(papers, topic, cut=99.0)
    assert [(match.paper_id, match.because) for match in matches] == [
        (papers[0].id, ("author Shengkui Zhao",))
    ]


@pytest.mark.parametrize("category", ["eess.AS", "EESS.as", "eess"])
def test_categories_are_the_only_ones_shown(category: str) -> None:
    papers = [
        make_paper(1, categories=("cs.SD", "eess.AS")),
        make_paper(2, categories=("cs.CL",)),
        make_paper(3, categories=()),
    ]
    matches = rank_one(papers, make_topic("something new", categories=(category,)))
    assert [match.paper_id for match in matches] == [papers[0].id]


def test_a_reason_names_the_category_that_let_a_paper_in() -> None:
    papers = [make_paper(1, title="Speech", categories=("cs.SD", "eess.AS"))]
    [match] = rank_one(papers, make_topic("speech", categories=("eess.AS",)))
    assert match.because == ("in eess.AS", "Speech")


def test_what_rules_keep_out_is_told_with_numbers() -> None:
    papers = [
        make_paper(1, title="Speech and music", categories=("eess.AS",)),
        make_paper(2, title="Speech and talk", categories=("cs.CL",)),
        make_paper(3, title="Speech by ear", categories=("eess.AS",)),
    ]
    index = build_index(papers)
    topic = make_topic("speech", exclude=("music", "noise"), keywords=("ear",), categories=("eess.AS",))
    assert losses(index, topic, examples={}, cut=0.0) == [
        "1 with the excluded “music”",
        "2 without any of the keywords",
        "1 outside eess.AS",
    ]
    nowhere = make_topic("speech", keywords=("xyzzy",), categories=("cs.CLL",))
    assert losses(index, nowhere, examples={}, cut=0.0) == [
        "3 without any of the keywords, which no paper holds",
        "3 outside cs.CLL, where no paper is filed",
    ]
    assert losses(index, topic, examples={}, cut=100.0) == []
    assert losses(index, make_topic("speech"), examples={}, cut=0.0) == []


def test_misspelt_words_of_a_topic_are_told() -> None:
    index = build_index([make_paper(1, title="Frobnication", abstract="")])
    topic = make_topic("speech recogniton with frobnications in LLMs, of RLHF and the 机器")
    assert unheard(index, topic) == ["recogniton"]
    ruled = make_topic("speech", keywords=("phonnemes", "O(n)"), exclude=("surveis",))
    assert unheard(index, ruled) == ["phonnemes", "surveis"]
