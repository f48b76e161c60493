"""A broken template of the operator is named, and stops no mail."""

from pathlib import Path

import pytest

from digest.compose.letters import CONFIRMATION, Letters
from digest.compose.message import Composer
from digest.compose.steady import SteadyComposer, SteadyLetters
from digest.errors import TemplateError
from digest.links import Links
from digest.models import Message
from tests.make import NOW, make_issue, make_paper, make_papers, make_site, make_subscriber

SHIPPED = Path(__file__).parents[2] / "templates" / "email"
NAMES = sorted(path.name for path in SHIPPED.iterdir() if path.suffix != ".css")
LINKS = Links("https://papers.dev", ("key",))
FAULTS = {
    "syntax": b"{% if %}",
    "unknown variable": b"{{ no_such_thing }}",
    "unknown filter": b"{{ 'x' | nofilter }}",
    "fault in a filter": b"{{ 5 | wrap }}",
    "not allowed": b"{{ ''.__class__.__mro__ }}",
    "too large": b"{{ range(10 ** 9) | list }}",
    "no UTF-8": b"\xff\xfe",
}


def broken(folder: Path, name: str, fault: bytes) -> str:
    """Put a line with a fault into a template, inside the body; gives file and line."""
    lines = (SHIPPED / name).read_bytes().split(b"\n")
    at = next((number for number, line in enumerate(lines) if b"<h1>" in line), len(lines) - 1)
    (folder / name).write_bytes(b"\n".join([*lines[:at], fault, *lines[at:]]))
    return f"{folder / name}:{at + 1}: "


def compose(composer: Composer | SteadyComposer, **paper: object) -> Message:
    papers = make_papers(make_paper(1, **paper))
    return composer.message(
        make_issue(1), make_subscriber(), papers, message_id="<1@papers.dev>", created_at=NOW
    )


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_every_fault_of_every_template_is_named_beforehand(tmp_path: Path, name: str, fault: bytes) -> None:
    place, site = broken(tmp_path, name, fault), make_site(template_folder=str(tmp_path))
    with pytest.raises(TemplateError) as raised:
        Letters(site) if name.startswith("letter") else Composer(site, LINKS)
    assert str(raised.value).startswith(place)


@pytest.mark.parametrize(
    ("name", "text"),
    [("digest.html", "<p>no papers</p>"), ("digest.txt", "{{ body }}{{ body }}"), ("mark.html", "")],
)
def test_template_that_loses_the_papers_is_broken(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(TemplateError, match=f"{name}:1: it must hold"):
        Composer(make_site(template_folder=str(tmp_path)), LINKS)


def test_letter_without_its_link_is_broken(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("{{ wording.opening }}\n")
    with pytest.raises(TemplateError, match=r"letter\.txt:1: it must hold"):
        Letters(make_site(template_folder=str(tmp_path)))


@pytest.mark.parametrize("name", [name for name in NAMES if not name.startswith("letter")])
def test_digest_leaves_in_the_shipped_look(tmp_path: Path, name: str) -> None:
    broken(tmp_path, name, FAULTS["unknown variable"])
    told: list[TemplateError] = []
    steady = SteadyComposer(make_site(template_folder=str(tmp_path)), LINKS, told.append)
    assert compose(steady).raw == compose(Composer(make_site(), LINKS)).raw
    assert [f"{name}:" in str(error) for error in told] == [True]


def test_letter_leaves_in_the_shipped_look(tmp_path: Path) -> None:
    broken(tmp_path, "letter.html", FAULTS["syntax"])
    told: list[TemplateError] = []
    steady = SteadyLetters(make_site(template_folder=str(tmp_path)), told.append)
    ways = {"message_id": "<1@papers.dev>", "created_at": NOW}
    ours, theirs = (
        one.letter(CONFIRMATION, "ada@papers.dev", "https://papers.dev/confirm/1", **ways)
        for one in (steady, Letters(make_site()))
    )
    assert ours.raw == theirs.raw
    assert len(told) == 1


def test_fault_of_one_paper_alone_costs_this_mail_its_look_only(tmp_path: Path) -> None:
    (tmp_path / "card.txt").write_text("OWN {{ title }}{% if 'cursed' in title %}{{ nothing }}{% endif %}\n")
    told: list[TemplateError] = []
    steady = SteadyComposer(make_site(template_folder=str(tmp_path)), LINKS, told.append)
    assert "OWN Fine" in compose(steady, title="Fine").text
    assert (
        compose(steady, title="A cursed one").raw
        == compose(Composer(make_site(), LINKS), title="A cursed one").raw
    )
    assert [str(error) for error in told] == [f"{tmp_path / 'card.txt'}:1: 'nothing' is undefined"]
    assert "OWN Fine again" in compose(steady, title="Fine again").text
