"""One line of `digest doctor`. Pure."""

from dataclasses import dataclass
from enum import StrEnum


class Health(StrEnum):
    """How a check ended; only FAIL makes the exit status 1."""

    OK = "ok"
    WARN = "warn"
    FAIL = "FAIL"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """What was looked at, what was found, and what to do about it."""

    name: str
    health: Health
    found: str
    remedy: str = ""

    def to_json(self) -> dict[str, str]:
        """For `--json`."""
        return {"name": self.name, "health": self.health, "found": self.found, "remedy": self.remedy}


def ok(name: str, found: str) -> Check:
    """All is well."""
    return Check(name=name, health=Health.OK, found=found)


def warn(name: str, found: str, remedy: str) -> Check:
    """It works, and could be better."""
    return Check(name=name, health=Health.WARN, found=found, remedy=remedy)


def fail(name: str, found: str, remedy: str) -> Check:
    """It does not work, or mail will not arrive."""
    return Check(name=name, health=Health.FAIL, found=found, remedy=remedy)
