from digest.compose.letters import ALREADY_SUBSCRIBED, CONFIRMATION, Letters
from digest.models import Message
from tests.compose.conftest import read_message
from tests.make import NOW, make_site

URL = "https://papers.dev/confirm/" + "t" * 66


def confirmation() -> Message:
    return Letters(make_site()).letter(
        CONFIRMATION, "ada@bücher.example", URL, message_id="<c1@papers.dev>", created_at=NOW
    )


def test_confirmation_has_one_link_in_both_parts() -> None:
    message = confirmation()
    assert message.text.count(URL) == 1
    assert message.html.count(f'href="{URL}"') == 2


def test_confirmation_is_no_list_mail() -> None:
    assert read_message(confirmation()).keys() == [
        "Date", "From", "To", "Subject", "Message-ID", "Auto-Submitted", "X-Auto-Response-Suppress",
        "MIME-Version", "Content-Type",
    ]  # fmt: skip


def test_confirmation_goes_to_the_address_alone() -> None:
    assert read_message(confirmation())["To"] == "ada@xn--bcher-kva.example"


def test_note_to_a_subscriber_says_that_nothing_changed() -> None:
    message = Letters(make_site()).letter(
        ALREADY_SUBSCRIBED, "ada@papers.dev", URL, message_id="<c2@papers.dev>", created_at=NOW
    )
    assert "nothing was changed" in message.text
    assert message.subject == "You are subscribed already: Morning Papers"
