"""The whole journey in a real browser: `digest serve`, a real SMTP server, from first word to last press."""

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.system

ADDRESS = "ada@papers.dev"
ROSTER = "sources:\n  - example: arxiv\n"

#: (width, height, colour scheme): a phone and a desk, by day and by night.
LOOKS = [(375, 812, "light"), (375, 812, "dark"), (1280, 900, "light"), (1280, 900, "dark")]


@dataclass
class Inbox:
    """A real SMTP server in a thread of its own; what it took."""

    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        mail = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        return "250 taken"

    def wait_for(self, count: int, seconds: float = 90) -> EmailMessage:
        """The mail of this number, as soon as it is there."""
        end = time.monotonic() + seconds
        while len(self.mails) < count and time.monotonic() < end:
            time.sleep(0.1)
        assert len(self.mails) >= count, "no mail came"
        return self.mails[count - 1]

    @contextmanager
    def open(self) -> Iterator["Inbox"]:
        from aiosmtpd.smtp import SMTP

        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever)
        thread.start()
        listen = loop.create_server(lambda: SMTP(self, hostname="inbox", loop=loop), "127.0.0.1", 0)
        server = asyncio.run_coroutine_threadsafe(listen, loop).result(10)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            loop.call_soon_threadsafe(server.close)
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()


TOKEN = "the-operators-token"


@contextmanager
def serving(folder: Path, smtp_port: int) -> Iterator[str]:
    """`digest serve` over the recorded example; its address."""
    (folder / "subscribers.yaml").write_text(ROSTER)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = {
        "DIGEST_SMTP_URL": f"smtp://127.0.0.1:{smtp_port}",
        "DIGEST_FROM": "Papers <digest@papers.dev>",
        "DIGEST_SITE_NAME": "Papers",
        "DIGEST_ADMIN_TOKEN": TOKEN,
    }
    with (folder / "log").open("wb") as log:
        command = [sys.executable, "-m", "digest", "serve", "--port", str(port)]
        process = subprocess.Popen(command, cwd=folder, env=os.environ | settings, stdout=log, stderr=log)
        try:
            _wait_until_ready(port, process)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0, (folder / "log").read_text()


def _wait_until_ready(port: int, process: subprocess.Popen[bytes]) -> None:
    import httpx2

    for _ in range(600):
        assert process.poll() is None, "digest serve ended"
        try:
            ready = httpx2.get(f"http://127.0.0.1:{port}/readyz", trust_env=False)
            if ready.status_code == 200 and ready.json()["newest_pass"]:
                return
        except httpx2.TransportError:
            pass
        time.sleep(0.2)
    raise AssertionError("digest serve is not ready")


@pytest.fixture(scope="module")
def inbox() -> Iterator[Inbox]:
    with Inbox().open() as opened:
        yield opened


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory, inbox: Inbox) -> Iterator[str]:
    with serving(tmp_path_factory.mktemp("serve"), inbox.port) as found:
        yield found


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        yield opened
        opened.close()


def link(mail: EmailMessage, label: str) -> str:
    """Where a word of the mail leads."""
    part = mail.get_body(("html",))
    assert part
    found = re.search(rf'<a [^>]*?href="([^"]+)"[^>]*>{label}', part.get_content())
    assert found, label
    return found[1].replace("&amp;", "&")


def check(page: Any) -> None:
    """No violation that axe-core knows, and nothing wider than the screen."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, page.url


def sign_up(page: Any, address: str, email: str) -> None:
    """Type topics, see papers, send the form."""
    page.goto(address)
    page.get_by_label("What do you read?").press_sequentially("large language models", delay=5)
    page.wait_for_selector("#papers .because")
    assert page.locator("#papers article").count() > 1
    page.get_by_label("Your address").fill(email)
    page.wait_for_timeout(2200)
    page.get_by_role("button", name="Subscribe").click()
    page.get_by_role("heading", name="Look into your inbox").wait_for()


@pytest.mark.parametrize("scripted", [True, False], ids=["with script", "without script"])
def test_from_the_first_word_to_the_last_press(
    browser: Any, address: str, inbox: Inbox, scripted: bool
) -> None:
    before, email = len(inbox.mails), ADDRESS if scripted else f"plain-{ADDRESS}"
    context = browser.new_context(
        viewport={"width": 1280, "height": 900}, timezone_id="Europe/Berlin", java_script_enabled=scripted
    )
    page = context.new_page()
    if scripted:
        sign_up(page, address, email)
    else:
        page.goto(address)
        page.get_by_label("What do you read?").fill("large language models")
        page.get_by_role("button", name="Show what I would get").click()
        assert page.locator("#papers article").count() > 1
        page.get_by_label("Your address").fill(email)
        page.wait_for_timeout(2200)
        page.get_by_role("button", name="Subscribe").click()
        page.get_by_role("heading", name="Look into your inbox").wait_for()

    page.goto(link(inbox.wait_for(before + 1), "Confirm the subscription"))
    page.get_by_role("button", name="Confirm my subscription").click()
    page.get_by_role("heading", name="You are subscribed").wait_for()

    digest = inbox.wait_for(before + 2)
    assert digest["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    page.goto(link(digest, "Topics and schedule"))
    zone = "Europe/Berlin" if scripted else "UTC"
    assert page.get_by_label("Time zone").input_value() == zone
    page.get_by_label("Papers", exact=True).fill("3")
    page.get_by_role("button", name="Save", exact=True).last.click()
    page.get_by_text("Saved.").wait_for()
    assert page.get_by_label("Papers", exact=True).input_value() == "3"

    page.goto(link(digest, "More like this"))
    page.get_by_role("button", name="More like this").click()
    page.get_by_text("The next mail knows it").wait_for()
    page.get_by_role("link", name="Read the mail online").click()
    assert page.locator("article").count() > 1

    page.goto(link(digest, "Unsubscribe"))
    page.get_by_role("button", name="Unsubscribe").click()
    page.get_by_role("heading", name="You are unsubscribed").wait_for()
    page.goto(link(digest, "Topics and schedule"))
    page.get_by_text("This address gets no mails").wait_for()
    context.close()


@pytest.mark.parametrize(("width", "height", "scheme"), LOOKS)
def test_pages_are_for_everybody(
    browser: Any, address: str, inbox: Inbox, width: int, height: int, scheme: str
) -> None:
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=scheme, bypass_csp=True
    )
    page = context.new_page()
    paths = [
        "/",
        "/?topics=speech",
        "/trending",
        "/search?q=speech",
        "/link",
        "/privacy",
        "/imprint",
        "/none",
    ]
    mails = {mail["Subject"]: mail for mail in inbox.mails}
    digests = [mail for mail in mails.values() if mail["List-Id"]]
    letters = [mail for mail in mails.values() if not mail["List-Id"]]
    assert digests
    words = ("Topics and schedule", "Read online", "More like this", "Unsubscribe")
    urls = [address + path for path in paths] + [link(digests[0], word) for word in words]
    urls += [link(letters[0], "Confirm the subscription")]
    for url in urls:
        page.goto(url)
        check(page)
    context.close()


@pytest.mark.parametrize(("width", "height", "scheme"), LOOKS)
def test_operator_signs_in_and_presses_buttons(
    browser: Any, address: str, width: int, height: int, scheme: str
) -> None:
    """Browsers have their own mind about Origin, so this cannot be told from requests made by hand."""
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=scheme, bypass_csp=True
    )
    page = context.new_page()
    page.goto(f"{address}/admin")
    check(page)
    page.get_by_label("Admin token").fill(TOKEN)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", name="All is running").wait_for()
    check(page)
    page.get_by_role("button", name="Stop all sending").click()
    page.get_by_role("heading", name="Sending is paused").wait_for()
    check(page)
    page.get_by_role("button", name="Send again").click()
    page.get_by_text("Sending goes on.").wait_for()
    page.get_by_role("link", name="Subscribers").click()
    check(page)
    page.get_by_role("button", name="Sign out").click()
    page.get_by_label("Admin token").wait_for()
    context.close()


def test_everything_is_reached_by_keyboard(browser: Any, address: str) -> None:
    page = browser.new_page()
    page.goto(address)
    seen = []
    for _ in range(25):
        page.keyboard.press("Tab")
        seen.append(page.evaluate("document.activeElement.name || document.activeElement.textContent.trim()"))
    for name in (
        "To the content",
        "Trending",
        "topics",
        "email",
        "days",
        "at",
        "zone",
        "welcome",
        "Subscribe",
    ):
        assert name in seen
    assert "website" not in seen
    page.close()
