"""A withdrawn paper is recognised by what its authors and publishers say of it, and by nothing else."""

import pytest

from digest.ingest.parse.withdrawals import titled, told


@pytest.mark.parametrize(
    "abstract",
    [
        "This paper has been withdrawn by the authors due to an error in Lemma 3.",
        "This submission has been withdrawn by arXiv administrators because of disputed authorship.",
        "arXiv admin note: This paper has been withdrawn due to plagiarism.",
        "The authors have withdrawn this manuscript owing to an error in the data.",
        "The author has decided to withdraw this paper.",
        "We wish to withdraw our manuscript.",
        "Withdrawn.",
        "Paper withdrawn",
        "[This article was temporarily withdrawn]",
        "We do this and that. This paper is now withdrawn.",
    ],
)
def test_withdrawn_papers_are_recognised(abstract: str) -> None:
    assert told(abstract)
    assert told("", f"12 pages, 3 figures, {abstract}")


@pytest.mark.parametrize(
    "abstract",
    [
        "We study when a drug should be withdrawn. This paper has been long.",
        "Withdrawn consent is a problem for machine learning.",
        "Retracted articles are still cited after the journal has withdrawn them.",
        "We withdraw the assumption of independence and retract the usual claims.",
        "The paper shows how funds are withdrawn.",
        "Withdrawn from the market, the drug is still studied.",
        "We tell the story of a famous study. The paper was retracted in 2010.",
        "",
    ],
)
def test_papers_about_withdrawals_are_not_lost(abstract: str) -> None:
    assert not told(abstract)


@pytest.mark.parametrize(
    ("title", "gone"),
    [
        ("WITHDRAWN: A cell that never ages", True),
        ("[Retracted] A cell that never ages", True),
        ("RETRACTED ARTICLE: A cell that never ages", True),
        ("Retraction Note: A cell that never ages", True),
        ("Retraction: A cell that never ages", True),
        ("Retracted articles in PubMed: how they are cited", False),
        ("Removed carbon dioxide and its price", False),
        ("Retraction of the retina", False),
        ("Withdrawn", False),
    ],
)
def test_titles_say_it_before_the_title(title: str, gone: bool) -> None:
    assert titled(title) is gone
