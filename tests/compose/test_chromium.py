"""The mails in a browser: widths, light and dark, large text, without styles, and what axe-core says."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from digest.models import Message
from tests.compose.golden import cases, recorded

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.system

MAILS = {"recorded-day": recorded(), **cases()}
DOUBLE_TEXT = """() => {
    const all = [...document.querySelectorAll('body *')]
    const sizes = all.map(element => parseFloat(getComputedStyle(element).fontSize))
    all.forEach((element, n) => element.style.setProperty('font-size', 2 * sizes[n] + 'px', 'important'))
}"""
NO_STYLE = "document.querySelectorAll('style').forEach(style => style.remove())"
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
SMALL_TARGETS = """[...document.querySelectorAll('a')].filter(a => a.getBoundingClientRect().height < 44)
    .map(a => a.textContent)"""
RUN_AXE = """axe.run({runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']})
    .then(found => found.violations.map(fault => fault.id + ': ' + fault.nodes.map(node => node.target)))"""


@pytest.fixture(scope="module")
def axe() -> str:
    """The source of axe-core."""
    import axe_playwright_python

    return (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    """Debian's Chromium. Imported here: the other test groups do not need the `browser` extra."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as started:
        chromium = started.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        yield chromium
        chromium.close()


def opened(browser: "Browser", message: Message, width: int, scheme: str) -> "Page":
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    page.set_content(message.html)
    return page


@pytest.mark.parametrize("message", MAILS.values(), ids=MAILS)
def test_mail_fits_every_width(browser: "Browser", message: Message) -> None:
    page = opened(browser, message, 1280, "light")
    for width in (320, 375, 600, 1280):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate(OVERFLOW) == 0
    page.set_viewport_size({"width": 640, "height": 900})
    page.evaluate("document.documentElement.style.zoom = 2")
    assert page.evaluate(OVERFLOW) == 0
    page.evaluate("document.documentElement.style.zoom = 1")
    page.set_viewport_size({"width": 375, "height": 900})
    page.evaluate(DOUBLE_TEXT)
    assert page.evaluate(OVERFLOW) == 0
    page.context.close()


@pytest.mark.parametrize("message", MAILS.values(), ids=MAILS)
def test_every_link_is_large_enough_for_a_finger(browser: "Browser", message: Message) -> None:
    page = opened(browser, message, 375, "light")
    assert page.evaluate(SMALL_TARGETS) == []
    page.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("message", MAILS.values(), ids=MAILS)
def test_axe_finds_nothing(browser: "Browser", axe: str, message: Message, scheme: str) -> None:
    page = opened(browser, message, 375, scheme)
    page.evaluate(axe)
    assert page.evaluate(RUN_AXE) == []
    page.context.close()


@pytest.mark.parametrize("message", MAILS.values(), ids=MAILS)
def test_mail_stands_without_its_style_sheet(browser: "Browser", axe: str, message: Message) -> None:
    page = opened(browser, message, 320, "light")
    page.evaluate(NO_STYLE)
    page.evaluate(axe)
    assert page.evaluate(OVERFLOW) == 0
    assert page.evaluate(RUN_AXE) == []
    page.context.close()


def test_links_of_a_right_to_left_paper_begin_under_its_title(browser: "Browser") -> None:
    page = opened(browser, MAILS["right-to-left"], 600, "light")
    edges = page.evaluate("""[...document.querySelectorAll('.rtl')].map(card =>
        ['h3', '.actions a'].map(part => card.querySelector(part).getBoundingClientRect().right))""")
    assert len(edges) == 2
    assert all(title == link for title, link in edges)
    page.context.close()


def test_title_without_an_address_takes_the_same_room(browser: "Browser") -> None:
    page = opened(browser, MAILS["no-abstracts"], 600, "light")
    heights = "[...document.querySelectorAll('h3')].map(title => title.getBoundingClientRect().height)"
    assert page.evaluate("document.querySelectorAll('h3 a[href]').length") == 2
    assert len(set(page.evaluate(heights))) == 1
    page.context.close()


@pytest.mark.parametrize("message", MAILS.values(), ids=MAILS)
def test_nothing_is_requested(browser: "Browser", message: Message) -> None:
    context = browser.new_context()
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.set_content(message.html, wait_until="networkidle")
    assert asked == []
    context.close()
