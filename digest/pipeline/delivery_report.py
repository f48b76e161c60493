"""The summary of one run of delivery."""

from dataclasses import dataclass

from digest.models import DeliveryState

#: Problems and replies that a report lists; the ledger holds them all.
LISTED = 100


@dataclass(frozen=True, slots=True)
class Problem:
    """A delivery that did not go out as it should, for the summary."""

    email: str
    state: DeliveryState
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryReport:
    """What became of the deliveries that were due in one run; `selected` is the sum of the others."""

    selected: int = 0
    sent: int = 0
    deferred: int = 0
    failed: int = 0
    suppressed: int = 0
    expired: int = 0
    uncertain: int = 0
    pending: int = 0
    problems: tuple[Problem, ...] = ()  # at most LISTED
    paused: str = ""  # why the run stopped before the outbox was empty
    written: tuple[str, ...] = ()  # the server's replies, or the files of an outbox folder; at most LISTED
    balanced: bool = True  # the ledger agrees with what the run counted

    @property
    def ok(self) -> bool:
        """Nothing needs the operator: exit status 0."""
        settled_badly = self.failed + self.deferred + self.uncertain + self.pending
        return not settled_badly and self.balanced

    def to_json(self) -> dict[str, int]:
        """The counts, as `digest run --json` promises them."""
        return {name: getattr(self, name) for name in ("selected", *COUNTED)}


COUNTED = ("sent", "deferred", "failed", "suppressed", "expired", "uncertain", "pending")
