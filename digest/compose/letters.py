"""Mails that are no digest: the confirmation of a sign-up and the note to one who is subscribed already.

They hold no text that a stranger typed, for a sign-up form can be pointed at anybody's address; and
nothing to unsubscribe from, because nothing was subscribed to yet.
"""

from dataclasses import dataclass
from datetime import datetime

from digest.compose import headers, rehearsal
from digest.compose.assembly import assemble
from digest.compose.blocks import block
from digest.compose.fields import letter_fields
from digest.compose.templates import Templates
from digest.compose.wording import imprint
from digest.models import Message, Site


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """The words of a letter around its one link."""

    subject: str
    opening: str
    action: str
    closing: str


CONFIRMATION = Wording(
    subject="Please confirm your subscription",
    opening="Someone, probably you, asked us to send a digest of new papers to this address.",
    action="Confirm the subscription",
    closing=(
        "The link is good for two days and opens a page with one button. If it was not you, do nothing, "
        "and nothing will be sent; on the same page you can ask us never to write to you again."
    ),
)

ALREADY_SUBSCRIBED = Wording(
    subject="You are subscribed already",
    opening="Someone, probably you, asked us to send a digest of new papers to this address; it gets one.",
    action="Change topics and schedule",
    closing="If it was not you, there is nothing to do: nothing was changed.",
)


class Letters:
    """Makes letters; built once, so that the templates are read once."""

    def __init__(self, site: Site) -> None:
        """Take what a mail shows of the operator; a made-up letter is tried. Raises TemplateError."""
        self._site = site
        self._imprint = imprint(site)
        templates = Templates(site.template_folder)
        self._fill = {kind: templates.renderer(f"letter.{kind}") for kind in ("html", "txt")}
        self._rehearse(templates)

    def _rehearse(self, templates: Templates) -> None:
        """Try the templates; a letter without its link is none."""
        url, id_ = "https://example.org/confirm", "<rehearsal@localhost>"
        tried = self.letter(
            CONFIRMATION, rehearsal.READER.email, url, message_id=id_, created_at=rehearsal.AT
        )
        for name, part in (("letter.html", tried.html), ("letter.txt", tried.text)):
            if url not in part:
                raise templates.lacks(name, "url")

    def letter(
        self, wording: Wording, email: str, url: str, *, message_id: str, created_at: datetime
    ) -> Message:
        """One letter with one link. Raises SendError for an address that is none."""
        subject = f"{wording.subject}: {headers.clean(self._site.name)}"
        values = {**self._imprint, "subject": subject, "wording": wording, "url": url}
        part = block(self._fill["html"](**values), self._fill["txt"](**values))
        fields = letter_fields(self._site, email=email, subject=subject, message_id=message_id, at=created_at)
        raw = assemble(fields, [part], message_id=message_id)
        return Message(message_id=message_id, subject=subject, raw=raw)
