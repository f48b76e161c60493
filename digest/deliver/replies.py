"""SMTP replies and what each means at its stage. Pure.

Sources: RFC 5321 4.2 (codes), 4.5.3.1.10 (552 at RCPT means "too many recipients", so: later), RFC 3463
(enhanced codes), RFC 4954 6 (530, 535: the login). A reply is definite at every stage, the last included.
"""

import re
from typing import NamedTuple

from digest.models import Outcome, Verdict

_ENHANCED = re.compile(r"\s*([245]\.\d{1,3}\.\d{1,3})\b")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")

#: Characters of a reply that the ledger keeps.
_KEPT = 500

#: Codes that say something about us or the server, whatever the stage: everything waits.
_EVERYTHING_WAITS = {421, 530, 534, 535, 538, 454}


class Reply(NamedTuple):
    """One reply of the server: lines joined by a blank."""

    code: int
    text: str

    @property
    def enhanced(self) -> str | None:
        """The enhanced status code at the start of the text, if there is one."""
        found = _ENHANCED.match(self.text)
        return found[1] if found else None


def judge(stage: str, reply: Reply) -> Outcome:
    """The outcome of a message whose fate this reply decided; `stage` is mail, rcpt, data or dot."""
    return Outcome(
        verdict=_verdict(stage, reply),
        stage=stage,
        code=reply.code,
        enhanced=reply.enhanced,
        reply=printable(reply.text),
    )


def is_good(stage: str, code: int) -> bool:
    """True if the conversation may go on after this reply."""
    return code == 354 if stage == "data" else 200 <= code < 300


def printable(text: str) -> str:
    """One printable line for the ledger and the log."""
    return (text if text.isprintable() else _CONTROL.sub(" ", text)).strip()[:_KEPT]


def _verdict(stage: str, reply: Reply) -> Verdict:
    if stage == "dot" and is_good(stage, reply.code):
        return Verdict.ACCEPTED
    if reply.code in _EVERYTHING_WAITS or (stage == "mail" and _blames_sender(reply)):
        return Verdict.UNAVAILABLE
    if stage == "rcpt" and reply.code == 552:
        return Verdict.DEFERRED
    return Verdict.REFUSED if 500 <= reply.code < 600 else Verdict.DEFERRED


def _blames_sender(reply: Reply) -> bool:
    """A lasting refusal at MAIL would hit every reader alike; only "too big" is about this message."""
    return reply.code >= 500 and reply.code != 552 and reply.enhanced != "5.3.4"
