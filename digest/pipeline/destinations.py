"""Domains of readers that refuse us, for policy or as if nobody were known there: one that does so ten times
in a row waits, the others go on.

If several domains refuse in a row, it is about us and not about one of them: then everything stops. What
is known of a domain is kept between runs; its pauses grow until it takes a mail again.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import structlog
from sqlalchemy import Connection

from digest.deliver.settle import delay, is_dead_address, is_policy, is_throttled
from digest.models import Outcome, Verdict
from digest.storage import relays
from digest.storage.relays import Pause

#: So many refusals in a row are no accident.
IN_A_ROW = 10

log = structlog.get_logger()


@dataclass(slots=True)
class Destinations:
    """What one run knows of the domains that it sends to."""

    known: Mapping[str, Pause]  # of earlier runs
    now: datetime
    refused: dict[str, str] = field(default_factory=dict)  # in this run: domain -> why it waits
    taken: set[str] = field(default_factory=set)  # of the known ones, those that took a mail again
    _rows: Counter[str] = field(default_factory=Counter)
    _across: list[str] = field(default_factory=list)  # domains of the last refusals

    def waits(self, email: str) -> str | None:
        """Why nothing is sent to this address now; None if it may be."""
        if not (self.refused or self.known):
            return None
        domain = _domain(email)
        before = self.known.get(domain)
        if before and before.until > self.now and domain not in self.taken:
            return before.reason
        return self.refused.get(domain)

    def is_doubted(self, email: str) -> bool:
        """Did its domain refuse so many in this run that the fault may be ours?"""
        return _domain(email) in self.refused

    def note(self, email: str, outcome: Outcome) -> str | None:
        """Count what a domain said; gives the reason if everything must stop."""
        quiet = not (self.known or self._rows or self._across)
        if outcome.stage == "pause" or (quiet and outcome.verdict is Verdict.ACCEPTED):
            return None
        domain = _domain(email)
        if not (is_policy(outcome) or is_throttled(outcome) or is_dead_address(outcome)):
            self._rows.pop(domain, None)
            self._across.clear()
            if outcome.verdict is Verdict.ACCEPTED and domain in self.known:
                self.taken.add(domain)
            return None
        self._rows[domain] += 1
        if self._rows[domain] == IN_A_ROW:
            self.refused[domain] = f"{domain} refused {IN_A_ROW} mails in a row, the last: {outcome.reply}"
            log.error("destination.paused", domain=domain)
        return self._everywhere(domain, outcome)

    def _everywhere(self, domain: str, outcome: Outcome) -> str | None:
        if is_policy(outcome) or is_dead_address(outcome):
            self._across.append(domain)
        self._across = [one for one in self._across if one not in self.refused]
        if len(self._across) < IN_A_ROW or len(set(self._across)) == 1:
            return None
        return f"{IN_A_ROW} refusals in a row, the last: {outcome.reply}"

    def remember(self, conn: Connection, relay: str, now: datetime) -> None:
        """Keep the pauses of this run, and forget those of domains that took a mail."""
        for domain, reason in self.refused.items():
            before = self.known[domain].pauses if domain in self.known else 0
            relays.pause(conn, relays.destination(relay, domain), now + delay(0, before + 1), reason)
        for domain in self.taken - set(self.refused):
            relays.pause(conn, relays.destination(relay, domain), None, "")


def _domain(email: str) -> str:
    return email.rpartition("@")[2].lower()
