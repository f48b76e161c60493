"""Deliveries that are no digest -> letters: which words, and where the one link leads."""

from digest.compose import letters
from digest.compose.letters import Letters, Wording
from digest.compose.steady import SteadyLetters
from digest.errors import StorageError
from digest.links import Links
from digest.models import Delivery, Message
from digest.storage import outbox

MANAGE = Wording(
    subject="Your link",
    opening="Someone, probably you, asked for the link that opens the settings of this digest.",
    action="Change topics, schedule or address",
    closing="It is good for 90 days. If it was not you, there is nothing to do: nothing was changed.",
)

CHANGE_OLD = Wording(
    subject="Please confirm your new address",
    opening="Somebody with the link to your settings asked to send this digest to another address.",
    action="Look at the change",
    closing="The link is good for two days and opens a page with one button. If it was not you, do nothing.",
)

CHANGE_NEW = Wording(
    subject="Please confirm this address",
    opening="Someone, probably you, asked to send a digest of new papers to this address from now on.",
    action="Confirm this address",
    closing="The link is good for two days and opens a page with one button. If it was not you, do nothing.",
)

PROBE = Wording(
    subject="Mails to you come back",
    opening="Mails of this digest to your address came back on several days. Does it take this letter?",
    action="Change the address or other settings",
    closing="If you read this, there is nothing to do. If this letter comes back too, nothing more is sent.",
)

_WORDINGS = {
    "confirm": letters.CONFIRMATION,
    "already": letters.ALREADY_SUBSCRIBED,
    "link": MANAGE,
    "change-old": CHANGE_OLD,
    "change-new": CHANGE_NEW,
    outbox.PROBE: PROBE,
}


def write(maker: Letters | SteadyLetters, links: Links, delivery: Delivery, message_id: str) -> Message:
    """The letter of a delivery. Raises StorageError for one of an unknown kind, SendError for its address."""
    wording, url = _WORDINGS.get(delivery.letter), target(links, delivery)
    if wording is None or url is None:
        raise StorageError("this letter cannot be written: it needs DIGEST_BASE_URL and a known kind")
    return maker.letter(wording, delivery.email, url, message_id=message_id, created_at=delivery.created_at)


def target(links: Links, delivery: Delivery) -> str | None:
    """Where the link of a letter leads."""
    if delivery.letter == "confirm":
        return links.confirm(delivery.about or 0, delivery.created_at)
    if delivery.letter.startswith("change-"):
        return links.change(delivery.about or 0, int(delivery.letter == "change-new"))
    return links.manage(delivery.subscriber_id or 0, delivery.created_at)
