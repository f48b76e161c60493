import re
from pathlib import Path

import pytest

from digest.compose.inline import inline
from digest.compose.message import Composer
from digest.compose.templates import misnamed
from digest.errors import TemplateError
from digest.links import Links
from digest.models import Message
from tests.make import NOW, make_issue, make_paper, make_papers, make_site, make_subscriber, make_topic

SHIPPED = Path(__file__).parents[2] / "templates" / "email"


def compose(folder: Path, *numbers: int) -> Message:
    composer = Composer(make_site(template_folder=str(folder)), Links("https://papers.dev", ("key",)))
    papers = make_papers(*map(make_paper, numbers or (1,)))
    return composer.message(
        make_issue(*(numbers or (1,))), make_subscriber(), papers, message_id="<1@papers.dev>", created_at=NOW
    )


def test_one_file_overrides_and_the_others_stay(tmp_path: Path) -> None:
    (tmp_path / "email").mkdir()
    (tmp_path / "email" / "card.txt").write_text("** {{ title }} **\n")
    message = compose(tmp_path)
    assert "** Paper number 1 about something new **" in message.text
    assert "<h3" in message.html


def test_style_of_the_operator_is_written_into_the_tags(tmp_path: Path) -> None:
    (tmp_path / "style.css").write_text("h1 { color: #123456; } @media print { h1 { color: #000; } }")
    html = compose(tmp_path).html
    assert '<h1 style="color: #123456;">' in html
    assert "<style>@media print" in html


@pytest.mark.parametrize(
    ("name", "line", "fault"),
    [
        ("card.html", "{{ titel }}", "titel"),
        ("card.txt", "{{ nothing }}", "nothing"),
        ("digest.html", "{% if %}", "Expected an expression"),
        ("section.txt", "{% endfor %}", "endfor"),
        ("line.html", "{{ title.__class__.__mro__ }}", "unsafe"),
        ("digest.txt", "{{ 1 / 0 }}", "division"),
    ],
)
def test_broken_template_is_named_with_file_and_line(
    tmp_path: Path, name: str, line: str, fault: str
) -> None:
    lines = (SHIPPED / name).read_text().splitlines()
    at = next((n for n, text in enumerate(lines) if "<h1>" in text), len(lines))
    (tmp_path / name).write_text("\n".join([*lines[:at], line, *lines[at:]]) + "\n")
    with pytest.raises(TemplateError) as raised:
        compose(tmp_path)
    assert f"{tmp_path / name}:{at + 1}: " in str(raised.value)
    assert fault in str(raised.value)


USES = {
    "<p>{{ subject | upper }}</p>": "<p>PAPER NUMBER {n} ABOUT SOMETHING NEW</p>",
    "{% set x = topics[0] %}<p>{{ x }}</p>": "<p>topic {n}</p>",
    "{% for topic in topics %}<p>{{ topic }}</p>{% endfor %}": "<p>topic {n}</p>",
    "{% filter upper %}<p>{{ following }}</p>{% endfilter %}": "<P>YOU FOLLOW TOPIC {n}.</P>",
    "<p>{{ following }}</p>{{ following | length }}": "<p>You follow topic {n}.</p>19",
    "{% if unsubscribe %}<p>{{ topics | join }}</p>{% endif %}": "<p>topic {n}</p>",
    "{% if subject == 'x' %}{% else %}<p>{{ subject }}</p>{% endif %}": "Paper number {n} about",
    "{% include 'mine.txt' %}": "Paper number {n} about",
    "{% macro m() %}{{ subject }}{% endmacro %}<p>{{ m() }}</p>": "Paper number {n} about",
}


@pytest.mark.parametrize("use", USES)
def test_whatever_a_template_does_with_a_value_each_reader_sees_the_own_one(tmp_path: Path, use: str) -> None:
    (tmp_path / "mine.txt").write_text("{{ subject }}")
    (tmp_path / "digest.html").write_text(use + "{{ body }}\n")
    composer = Composer(make_site(template_folder=str(tmp_path)), Links("https://papers.dev", ("key",)))
    for number in (1, 2):
        reader = make_subscriber(number, topics=(make_topic(f"topic {number}"),))
        papers = make_papers(make_paper(number))
        made = composer.message(
            make_issue(number), reader, papers, message_id="<1@papers.dev>", created_at=NOW
        )
        assert USES[use].format(n=number) in made.html


@pytest.mark.parametrize(
    ("style", "fault"),
    [
        ("h1 {}\n\nh2 { color: red", "style.css:3: a { without its }"),
        ("h1 { color: red; }\n}", "style.css:2: a } without its {"),
        ("make it red", "style.css:1: no rule of CSS"),
    ],
)
def test_broken_style_is_named_with_file_and_line(tmp_path: Path, style: str, fault: str) -> None:
    (tmp_path / "style.css").write_text(style)
    with pytest.raises(TemplateError) as raised:
        compose(tmp_path)
    assert fault in str(raised.value)


def test_braces_in_comments_and_texts_are_no_rules(tmp_path: Path) -> None:
    (tmp_path / "style.css").write_text("/* } */ h1 { color: #123456; font-family: '}'; }")
    assert "color: #123456" in compose(tmp_path).html


def test_preheader_stays_hidden_in_any_style(tmp_path: Path) -> None:
    (tmp_path / "style.css").write_text("h1 { color: #123456; }")
    html = compose(tmp_path, 1, 2).html
    assert re.search('<div class="preheader"[^>]*display: none', html)


def test_file_whose_name_is_nearly_that_of_a_template_is_told(tmp_path: Path) -> None:
    for name in ("digst.html", "card.html", "my-logo.html"):
        (tmp_path / name).write_text("x")
    assert misnamed(tmp_path) == [
        f"{tmp_path / 'digst.html'}: no template has this name; did you mean digest.html?"
    ]


def test_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match="no folder"):
        compose(tmp_path / "nowhere")


def test_template_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "card.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(TemplateError, match=r"card\.txt"):
        compose(tmp_path)


def test_jinja_tags_survive_inlining_wherever_they_stand() -> None:
    source = (
        '<p title="{{ a }}">{% if b < c %}<b>{{ d }}</b>{% endif %}</p><!--[if mso]>{{ e }}<![endif]-->\n'
    )
    inlined = inline(source, "b { color: red }").source
    assert inlined == source.replace("<b>", '<b style="color: red;">')


def test_no_file_and_no_address_is_read_by_the_inliner(tmp_path: Path) -> None:
    (tmp_path / "local.css").write_text("p { color: red }")
    source = f'<link rel="stylesheet" href="{tmp_path}/local.css"><p>x</p>'
    assert "red" not in inline(source, "b { color: blue }").source


def test_everything_in_html_is_escaped(tmp_path: Path) -> None:
    (tmp_path / "line.html").write_text("<p>{{ title }}</p>\n")
    composer = Composer(make_site(template_folder=str(tmp_path)), Links(None, ("key",)))
    issue = make_issue(1, trending=("arxiv:2604.00002",))
    papers = make_papers(make_paper(1), make_paper(2, title="<b>&"))
    made = composer.message(issue, make_subscriber(), papers, message_id="<1@papers.dev>", created_at=NOW)
    assert "<p>&lt;b&gt;&amp;</p>" in made.html


def test_file_that_includes_what_is_not_there_is_named(tmp_path: Path) -> None:
    (tmp_path / "card.txt").write_text('{{ title }}\n{% include "logo.txt" %}\n')
    with pytest.raises(TemplateError, match=r"card\.txt:2: there is no template logo\.txt"):
        compose(tmp_path)
